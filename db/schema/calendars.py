"""Table of what exchanges did otherwise than the installed calendars have it."""

from sqlalchemy import Column, Date, String, Table

from db.schema.base import metadata, one_of
from db.types import UtcDateTime
from forecasting.types import ChangeKind, ChangeOrigin

calendar_changes = Table(
    "calendar_changes",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("calendar", String, primary_key=True, comment="Exchange calendar code"),
    Column("session", Date, primary_key=True, comment="The day"),
    Column("kind", String, primary_key=True, comment="closure, or opening"),
    Column("known_since", UtcDateTime, primary_key=True, comment="Start of the first run that knew it"),
    Column(
        "withdrawn_at", UtcDateTime, comment="Start of the first run that no longer did; null while known"
    ),
    Column("origin", String, nullable=False, comment="found in the prices, or given by a setting"),
    one_of("kind", ChangeKind),
    one_of("origin", ChangeOrigin),
    comment="Closures and openings of exchanges that the installed calendars lack, with when they were known",
)
