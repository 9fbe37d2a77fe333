"""Table of earnings dates, with when each was known."""

from sqlalchemy import Column, Date, String, Table

from db.schema.base import metadata, one_of
from db.types import UtcDateTime
from forecasting.types import ReportTime

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
    one_of("report_time", ReportTime),
    comment="Earnings dates of tickers as the source gave them, with when each was known to the runs",
)
