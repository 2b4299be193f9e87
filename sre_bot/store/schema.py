"""The tables as SQLAlchemy sees them; alembic's migrations bring a database to this shape (a test compares)."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, Integer, MetaData, String, Table, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(column_0_label)s",
    }
)

investigations = Table(
    "investigations",
    metadata,
    Column("id", String(255), primary_key=True, comment="the event that asked, e.g. slack:T1:C1:1700000000.000100"),
    Column("question", Text, nullable=False),
    Column("asked_by", String(255)),
    Column("asked_at", DateTime(timezone=True), nullable=False, index=True),
    Column("status", String(16), nullable=False, comment="running, answered, failed or stopped"),
    Column("model", String(255), comment="model id, or first-look"),
    Column("prompt", String(64), comment="content hash of the prompt"),
    Column("answer", JSON, comment="the Answer record with its evidence and charts; while it runs: the first look"),
    Column("usd", Float, nullable=False, default=0.0),
    Column("finished_at", DateTime(timezone=True)),
)

posts = Table(
    "posts",
    metadata,
    Column("key", String(255), primary_key=True, comment="claimed before posting: what is posted at most once"),
    Column("channel", String(64), nullable=False),
    Column("ts", String(64), comment="the message's id once known; null: claimed, outcome unknown"),
    Column("claimed_at", DateTime(timezone=True), nullable=False),
)

waits = Table(
    "waits",
    metadata,
    Column("key", String(255), primary_key=True, comment="the investigation that waits for its model"),
    Column("thread", String(255), nullable=False, index=True),
    Column("event", JSON, nullable=False, comment="what asked, to be asked again"),
    Column("looks", Integer, nullable=False, comment="how many of the last looks of its answer the model had taken"),
    Column("firing", JSON, nullable=False, comment="hashes of the alerts that fired when it began to wait"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("state", String(16), nullable=False, index=True, comment="waiting, trying, or how the wait ended"),
    Column("tries", Integer, nullable=False, comment="how often it was continued"),
    Column("broken", Integer, nullable=False, comment="tries in which the model broke off after it had begun"),
)

heard = Table(
    "heard",
    metadata,
    Column("key", String(255), primary_key=True, comment="the message, as an investigation's id"),
    Column("thread", String(255), nullable=False, index=True),
    Column("call", String(16), nullable=False, comment="mention, reply, quiet or edit"),
    Column("at", DateTime(timezone=True), nullable=False, comment="when it was written"),
    Column("message", JSON(none_as_null=True), comment="while an investigation runs: held out to be taken in"),
    Column("taken_by", String(255), comment="the investigation that answers it: its own, or one that took it in"),
    Column("turn", Integer, comment="at which turn of that"),
)

grades = Table(
    "grades",
    metadata,
    Column("investigation", String(255), primary_key=True, comment="whose answer is graded"),
    Column("person", String(64), primary_key=True, comment="who grades"),
    Column("kind", String(16), primary_key=True, comment="thumb or grade: one vote each"),
    Column("value", Integer, nullable=False, comment="thumb: 100 or 0; grade: 100, 65, 35 or 0"),
    Column("sentence", Text, comment="what they said besides, redacted"),
    Column("member", Boolean, comment="whether a full member of our organisation; null: Slack did not tell"),
    Column("model", String(255), comment="who wrote the answer: model id, or first-look"),
    Column("prompt", String(64), comment="content hash of its prompt"),
    Column("at", DateTime(timezone=True), nullable=False, index=True, comment="when it was clicked"),
)

shares = Table(
    "shares",
    metadata,
    Column("id", String(64), primary_key=True, comment="what the button carries"),
    Column("channel", String(64), nullable=False, comment="where it was shown, and may be posted"),
    Column("person", String(64), nullable=False, comment="to whom it was shown"),
    Column("text", Text, nullable=False, comment="what was shown"),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
)

home_viewers = Table(
    "home_viewers",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("team", String(64), nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False, index=True, comment="when they last looked"),
)

stops = Table(
    "stops",
    metadata,
    Column("key", String(255), primary_key=True, comment="the event that said so"),
    Column("thread", String(255), nullable=False, index=True, comment="or a whole conversation"),
    Column("at", DateTime(timezone=True), nullable=False, comment="what was asked until then is stopped"),
    Column("by", String(255)),
    Column("question", String(255), index=True, comment="the one that was deleted; null: all that was asked there"),
)
