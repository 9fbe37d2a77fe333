"""Tables of earnings dates, with when each was known, and of the attempts to read them."""

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, String, Table

from db.schema.base import metadata, one_of
from db.types import UtcDateTime
from forecasting.types import ReportOrigin, ReportTime

earnings_dates = Table(
    "earnings_dates",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol"),
    Column("report_date", Date, primary_key=True, comment="Day of the report, at the exchange"),
    Column("first_seen", UtcDateTime, primary_key=True, comment="Start of the first run that knew it"),
    Column(
        "withdrawn_at", UtcDateTime, comment="Start of the first run that no longer did; null while known"
    ),
    Column("report_time", String, nullable=False, comment="before_open, after_close or unknown"),
    Column("known_since", Date, comment="First day on which the date was known, where the source states it"),
    Column(
        "origin",
        String,
        comment="Who names it: file, sample, page or events (Yahoo's two lists); null from old releases",
    ),
    Column(
        "counts",
        Boolean,
        nullable=False,
        server_default=sa.true(),
        comment="Whether it is used; false where the source names another day of the same report",
    ),
    one_of("report_time", ReportTime),
    one_of("origin", ReportOrigin),
    comment="Earnings dates of tickers as the source gave them, with when each was known to the runs",
)

earnings_checks = Table(
    "earnings_checks",
    metadata,
    Column("source", String, primary_key=True, comment="Price source"),
    Column("ticker", String, primary_key=True, comment="Symbol"),
    Column("tried_at", UtcDateTime, nullable=False, comment="Start of the run that last asked for dates"),
    Column("read_at", UtcDateTime, comment="Start of the run that last read dates; null if none did"),
    Column("reason", String, nullable=False, comment="Why the last attempt failed; empty where it did not"),
    Column("detail", String, nullable=False, comment="A sentence on it"),
    comment="Newest attempt to read the earnings dates of each ticker from a live source",
)
