"""What people said to us, and which investigation took it in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heard",
        sa.Column("key", sa.String(255), nullable=False, comment="the message, as an investigation's id"),
        sa.Column("thread", sa.String(255), nullable=False),
        sa.Column("call", sa.String(16), nullable=False, comment="mention, reply or quiet"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was written"),
        sa.Column("message", sa.JSON(), comment="while an investigation runs: held out to be taken in"),
        sa.Column(
            "taken_by", sa.String(255), comment="the investigation that answers it: its own, or one that took it in"
        ),
        sa.Column("turn", sa.Integer(), comment="at which turn of that"),
        sa.PrimaryKeyConstraint("key", name="pk_heard"),
    )
    op.create_index("ix_heard_thread", "heard", ["thread"])


def downgrade() -> None:
    op.drop_index("ix_heard_thread", "heard")
    op.drop_table("heard")
