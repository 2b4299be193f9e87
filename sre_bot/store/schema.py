"""The tables as SQLAlchemy sees them; alembic's migrations bring a database to this shape (a test compares)."""

from __future__ import annotations

from sqlalchemy import JSON, Column, DateTime, Float, Integer, MetaData, String, Table, Text

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
    Column("status", String(16), nullable=False, comment="running, answered or failed"),
    Column("model", String(255), comment="model id, or first-look"),
    Column("prompt", String(64), comment="content hash of the prompt"),
    Column("answer", JSON, comment="the Answer record with its evidence and charts"),
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
    Column("call", String(16), nullable=False, comment="mention, reply or quiet"),
    Column("at", DateTime(timezone=True), nullable=False, comment="when it was written"),
    Column("message", JSON(none_as_null=True), comment="while an investigation runs: held out to be taken in"),
    Column("taken_by", String(255), comment="the investigation that answers it: its own, or one that took it in"),
    Column("turn", Integer, comment="at which turn of that"),
)
