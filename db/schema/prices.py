"""Tables of instruments, prices, revisions of prices and corporate actions."""

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Date, Double, String, Table

from db.schema.base import metadata, one_of
from db.types import UtcDateTime
from forecasting.types import ActionKind

# PostgreSQL holds NaN to be greater than every number, so the upper bound is what refuses it.
_CLOSE_BOUNDS = "close > 0 AND close < 1e12"


def _bar_columns() -> list[Column[float]]:
    as_traded = [
        Column(name, Double, comment="Price of a share as traded, in the currency of the instrument")
        for name in ("open", "high", "low")
    ]
    return [
        *as_traded,
        Column(
            "close",
            Double,
            nullable=False,
            comment="Price of a share as traded, in the currency of the instrument",
        ),
        Column("volume", Double, comment="Shares, as traded"),
    ]


def _instrument_key() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["ticker", "source"], ["instruments.ticker", "instruments.source"])


instruments = Table(
    "instruments",
    metadata,
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("calendar", String, comment="Exchange calendar code, where known"),
    Column("first_seen_at", UtcDateTime, nullable=False, comment="When its prices were first stored, UTC"),
    Column("currency", String, comment="Of the prices, as the source writes it"),
    Column("kind", String, comment="Such as EQUITY, as the source writes it"),
    Column("zone", String, comment="Time zone that the source dates sessions in"),
    Column("name", String, comment="Of the company, index or fund, as the source writes it"),
    Column("first_trade_date", Date, comment="Of the instrument, as the source reports it"),
    comment="Every ticker of every source that prices were stored for",
)

price_bars = Table(
    "price_bars",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column("session", Date, primary_key=True, comment="Day of the bar, at its exchange"),
    *_bar_columns(),
    Column("first_seen_at", UtcDateTime, nullable=False, comment="When these values were first fetched"),
    CheckConstraint(_CLOSE_BOUNDS, name="close_bounds"),
    _instrument_key(),
    comment="Daily bars as traded: neither splits nor dividends are worked in",
)

price_revisions = Table(
    "price_revisions",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column("session", Date, primary_key=True, comment="Day of the bar, at its exchange"),
    Column("replaced_at", UtcDateTime, primary_key=True, comment="When other values were fetched"),
    *_bar_columns(),
    Column("first_seen_at", UtcDateTime, nullable=False, comment="When these old values were first fetched"),
    Column(
        "reason",
        String,
        nullable=False,
        comment="Why they were replaced, such as correction, withdrawn or instrument_changed",
    ),
    comment="Append only: earlier values of bars that the source restated",
)

corporate_actions = Table(
    "corporate_actions",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column("session", Date, primary_key=True, comment="The ex-date"),
    Column("kind", String, primary_key=True, comment="split or dividend"),
    Column(
        "value",
        Double,
        nullable=False,
        comment="Split: new shares per old, 1 once withdrawn; dividend: per share, 0 once withdrawn",
    ),
    Column("first_seen_at", UtcDateTime, nullable=False, comment="When this value was first stored, UTC"),
    Column(
        "missing_since",
        UtcDateTime,
        comment="First download that lacked it; null while the source has it",
    ),
    one_of("kind", ActionKind),
    CheckConstraint("value >= 0 AND value < 1e12 AND (value > 0 OR kind = 'dividend')", name="value_bounds"),
    _instrument_key(),
    comment="Dated splits and dividends",
)
