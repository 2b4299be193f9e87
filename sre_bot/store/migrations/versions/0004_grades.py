"""Grades of answers, what may be shared, and who looks at the Home tab."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "grades",
        sa.Column("investigation", sa.String(255), nullable=False, comment="whose answer is graded"),
        sa.Column("person", sa.String(64), nullable=False, comment="who grades"),
        sa.Column("kind", sa.String(16), nullable=False, comment="thumb or grade: one vote each"),
        sa.Column("value", sa.Integer(), nullable=False, comment="thumb: 100 or 0; grade: 100, 65, 35 or 0"),
        sa.Column("sentence", sa.Text(), comment="what they said besides, redacted"),
        sa.Column(
            "member", sa.Boolean(), comment="whether a full member of our organisation; null: Slack did not tell"
        ),
        sa.Column("model", sa.String(255), comment="who wrote the answer: model id, or first-look"),
        sa.Column("prompt", sa.String(64), comment="content hash of its prompt"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was clicked"),
        sa.PrimaryKeyConstraint("investigation", "person", "kind", name="pk_grades"),
    )
    op.create_index("ix_grades_at", "grades", ["at"])
    op.create_table(
        "shares",
        sa.Column("id", sa.String(64), nullable=False, comment="what the button carries"),
        sa.Column("channel", sa.String(64), nullable=False, comment="where it was shown, and may be posted"),
        sa.Column("person", sa.String(64), nullable=False, comment="to whom it was shown"),
        sa.Column("text", sa.Text(), nullable=False, comment="what was shown"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shares"),
    )
    op.create_index("ix_shares_at", "shares", ["at"])
    op.create_table(
        "home_viewers",
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("team", sa.String(64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False, comment="when they last looked"),
        sa.PrimaryKeyConstraint("person", name="pk_home_viewers"),
    )
    op.create_index("ix_home_viewers_opened_at", "home_viewers", ["opened_at"])


def downgrade() -> None:
    for table, column in (("home_viewers", "opened_at"), ("shares", "at"), ("grades", "at")):
        op.drop_index(f"ix_{table}_{column}", table)
        op.drop_table(table)
