"""Tables of forecasts, of the runs that made them, and of the tickers that were left out."""

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Date, Double, ForeignKey, Integer, String, Table, Text

from db.schema.base import metadata, one_of
from db.types import UtcDateTime
from forecasting.types import PriceBasis, Quality, Regime, RunKind

forecast_runs = Table(
    "forecast_runs",
    metadata,
    Column("run_id", String, primary_key=True, comment="A function of the inputs"),
    Column("source", String, nullable=False, comment="Price source: yahoo, csv or sample"),
    Column("as_of", Date, nullable=False, comment="Newest session that it forecasts from"),
    Column(
        "model_version",
        ForeignKey("model_versions.version"),
        nullable=False,
        comment="Highest rung that made a band of it",
    ),
    Column("seed", sa.BigInteger, nullable=False, comment="Of all random streams"),
    Column("settings", Text, nullable=False, comment="JSON"),
    Column("data_fingerprint", String, nullable=False, comment="Hash of the prices that went in"),
    Column("code_version", String, nullable=False, comment="Release and commit of bandcast"),
    Column("library_versions", Text, nullable=False, comment="JSON"),
    Column("flow_run_id", String, comment="Prefect's id"),
    Column("issued_at", UtcDateTime, nullable=False, comment="Start of the run, UTC"),
    Column("quarantined", Text, comment="JSON: the reason of each ticker that was left out"),
    Column(
        "calibration_id",
        ForeignKey("calibrations.calibration_id"),
        comment="Calibration of its bands; null before migration 0003",
    ),
    Column("kind", String, nullable=False, server_default="live", comment="live or backfill"),
    Column(
        "price_basis",
        String,
        nullable=False,
        server_default="split_adjusted",
        comment="Basis of the bands' log returns: split_adjusted or total_return",
    ),
    one_of("kind", RunKind),
    one_of("price_basis", PriceBasis),
    comment="Runs that changed a forecast; old ones stay when their forecasts are replaced",
)


def check_forecasts() -> list[CheckConstraint]:
    """Build the CHECKs of forecasts, whatever their edition."""
    return [
        CheckConstraint("lower > 0 AND lower <= median AND median <= upper AND upper < 1e12", name="ordered"),
        CheckConstraint("anchor_close > 0 AND anchor_close < 1e12", name="anchor_bounds"),
        CheckConstraint("coverage > 0 AND coverage < 1", name="coverage_bounds"),
        CheckConstraint("horizon > 0", name="horizon_bounds"),
        CheckConstraint("target_session > as_of", name="target_later"),
        one_of("quality", Quality),
        one_of("regime", Regime),
    ]


forecasts = Table(
    "forecasts",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column("as_of", Date, primary_key=True, comment="Session whose close is the anchor"),
    Column("target_session", Date, primary_key=True, comment="Session that is forecast"),
    Column("horizon", Integer, nullable=False, comment="Sessions after as_of"),
    Column("anchor_close", Double, nullable=False, comment="Close of as_of, a price in the units of as_of"),
    Column("lower", Double, nullable=False, comment="Calibrated price at level 0.05, in the units of as_of"),
    Column("median", Double, nullable=False, comment="Calibrated price at level 0.5, in the units of as_of"),
    Column("upper", Double, nullable=False, comment="Calibrated price at level 0.95, in the units of as_of"),
    Column("coverage", Double, nullable=False, comment="Nominal probability between lower and upper, 0 to 1"),
    Column("quality", String, nullable=False, comment="Rung that made it: champion, previous or baseline"),
    Column(
        "model_version", ForeignKey("model_versions.version"), nullable=False, comment="Model that made it"
    ),
    Column("issued_at", UtcDateTime, nullable=False, comment="Start of the run that issued it, UTC"),
    Column("run_id", ForeignKey("forecast_runs.run_id"), nullable=False, comment="Run that issued it"),
    Column("model_variance", Double, comment="Variance of the cumulative log return between dropout runs"),
    Column("noise_variance", Double, comment="Variance of the cumulative log return within dropout runs"),
    Column("outcomes", Integer, comment="Closed outcomes that its calibration rests on, a count"),
    Column("regime", String, comment="Volatility at issue: calm, normal or stress"),
    Column(
        "reports_ahead", Integer, comment="Earnings reports expected from as_of to target_session, a count"
    ),
    sa.UniqueConstraint("source", "ticker", "as_of", "horizon"),
    *check_forecasts(),
    comment="One row per source, ticker, as_of and target session",
)

sa.Index(None, forecasts.c.ticker, forecasts.c.as_of)  # for queries that name no source
sa.Index(None, *(forecasts.c[name] for name in ("as_of", "source", "ticker")))
sa.Index(None, *(forecasts.c[name] for name in ("target_session", "source", "ticker", "as_of")))

universes = Table(
    "universes",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column(
        "as_of", Date, nullable=False, comment="Newest session whose run forecast the ticker or left it out"
    ),
    Column(
        "age_sessions",
        Integer,
        comment="Sessions closed after its newest band when the source's last run was issued; null where not "
        "known",
    ),
    Column(
        "in_universe",
        Integer,
        nullable=False,
        server_default="0",
        comment="1 if it belongs to the universe of its source, else 0",
    ),
    Column(
        "companions",
        String,
        comment="Codes of exchanges that all its runs had, with commas between; null before migration 0018",
    ),
    comment="Tickers of every run; those with in_universe 1 are the universe of their source",
)

quarantines = Table(
    "quarantines",
    metadata,
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
    Column("as_of", Date, primary_key=True, comment="Session of the run"),
    Column("reason", String, nullable=False, comment="Name of the finding, such as stale"),
    Column("detail", Text, nullable=False, comment="Sentence of the finding"),
    Column("seen_at", UtcDateTime, nullable=False, comment="Start of the run that left it out, UTC"),
    comment="Tickers left out of a day's run, and why",
)
