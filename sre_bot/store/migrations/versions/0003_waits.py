"""Investigations that wait for a model that was away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "waits",
        sa.Column("key", sa.String(255), nullable=False, comment="the investigation that waits for its model"),
        sa.Column("thread", sa.String(255), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False, comment="what asked, to be asked again"),
        sa.Column(
            "looks",
            sa.Integer(),
            nullable=False,
            comment="how many of the last looks of its answer the model had taken",
        ),
        sa.Column("firing", sa.JSON(), nullable=False, comment="hashes of the alerts that fired when it began to wait"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, comment="waiting, trying, or how the wait ended"),
        sa.Column("tries", sa.Integer(), nullable=False, comment="how often it was continued"),
        sa.Column(
            "broken",
            sa.Integer(),
            nullable=False,
            comment="tries in which the model broke off after it had begun",
        ),
        sa.PrimaryKeyConstraint("key", name="pk_waits"),
    )
    op.create_index("ix_waits_thread", "waits", ["thread"])
    op.create_index("ix_waits_state", "waits", ["state"])


def downgrade() -> None:
    op.drop_index("ix_waits_state", "waits")
    op.drop_index("ix_waits_thread", "waits")
    op.drop_table("waits")
