"""Investigations that were stopped, and questions that were deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


COMMENTS = {
    ("investigations", "status"): ("running, answered or failed", "running, answered, failed or stopped"),
    ("investigations", "answer"): (
        "the Answer record with its evidence and charts",
        "the Answer record with its evidence and charts; while it runs: the first look",
    ),
    ("heard", "call"): ("mention, reply or quiet", "mention, reply, quiet or edit"),
}
"""By table and column, before and after; SQLite keeps none."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for (table, column), (before, after) in COMMENTS.items():
            op.alter_column(table, column, comment=after, existing_comment=before)
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
    if op.get_bind().dialect.name == "postgresql":
        for (table, column), (before, after) in COMMENTS.items():
            op.alter_column(table, column, comment=before, existing_comment=after)
