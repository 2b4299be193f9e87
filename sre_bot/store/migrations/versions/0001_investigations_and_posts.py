"""Investigations and the posts made for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "investigations",
        sa.Column(
            "id", sa.String(255), nullable=False, comment="the event that asked, e.g. slack:T1:C1:1700000000.000100"
        ),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(255)),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(16), nullable=False, comment="running, answered or failed"),
        sa.Column("model", sa.String(255), comment="model id, or first-look"),
        sa.Column("prompt", sa.String(64), comment="content hash of the prompt"),
        sa.Column("answer", sa.JSON(), comment="the Answer record with its evidence and charts"),
        sa.Column("usd", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_investigations"),
    )
    op.create_index("ix_investigations_asked_at", "investigations", ["asked_at"])
    op.create_table(
        "posts",
        sa.Column("key", sa.String(255), nullable=False, comment="claimed before posting: what is posted at most once"),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("ts", sa.String(64), comment="the message's id once known; null: claimed, outcome unknown"),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_posts"),
    )


def downgrade() -> None:
    op.drop_table("posts")
    op.drop_index("ix_investigations_asked_at", "investigations")
    op.drop_table("investigations")
