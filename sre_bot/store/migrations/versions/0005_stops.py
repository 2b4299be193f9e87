"""Investigations that were stopped, and questions that were deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stops",
        sa.Column("key", sa.String(255), nullable=False, comment="the event that said so"),
        sa.Column("thread", sa.String(255), nullable=False, comment="or a whole conversation"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="what was asked until then is stopped"),
        sa.Column("by", sa.String(255)),
        sa.Column("question", sa.String(255), comment="the one that was deleted; null: all that was asked there"),
        sa.PrimaryKeyConstraint("key", name="pk_stops"),
    )
    op.create_index("ix_stops_thread", "stops", ["thread"])
    op.create_index("ix_stops_question", "stops", ["question"])


def downgrade() -> None:
    op.drop_index("ix_stops_question", "stops")
    op.drop_index("ix_stops_thread", "stops")
    op.drop_table("stops")
