"""The tables, as SQLAlchemy Core knows them; migrations make them, a test compares the two."""

import sqlalchemy as sa
from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from db.types import UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# PostgreSQL holds NaN to be greater than every number, so the upper bound is what refuses it.
_CLOSE_BOUNDS = "close > 0 AND close < 1e12"


def _bar_columns() -> list[Column[float]]:
    as_traded = [Column(name, Double, comment="As traded") for name in ("open", "high", "low")]
    return [
        *as_traded,
        Column("close", Double, nullable=False, comment="As traded"),
        Column("volume", Double, comment="Shares, as traded"),
    ]


def _to_instruments() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["ticker", "source"], ["instruments.ticker", "instruments.source"])


instruments = Table(
    "instruments",
    metadata,
    Column("ticker", String, primary_key=True),
    Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
    Column("calendar", String, comment="Exchange calendar code, where known"),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("currency", String, comment="Of the prices, as the source writes it"),
    Column("kind", String, comment="Such as EQUITY, in the source's word"),
    Column("zone", String, comment="Time zone that the source dates sessions in"),
    comment="Every ticker of every source that prices were stored for",
)

price_bars = Table(
    "price_bars",
    metadata,
    Column("source", String, primary_key=True),
    Column("ticker", String, primary_key=True),
    Column("session", Date, primary_key=True),
    *_bar_columns(),
    Column("first_seen_at", UtcDateTime, nullable=False, comment="When these values were first pulled"),
    CheckConstraint(_CLOSE_BOUNDS, name="close_bounds"),
    _to_instruments(),
    comment="Daily bars as traded: neither splits nor dividends are worked in",
)

price_revisions = Table(
    "price_revisions",
    metadata,
    Column("source", String, primary_key=True),
    Column("ticker", String, primary_key=True),
    Column("session", Date, primary_key=True),
    Column("replaced_at", UtcDateTime, primary_key=True, comment="When other values were pulled"),
    *_bar_columns(),
    Column("first_seen_at", UtcDateTime, nullable=False, comment="When these old values were first pulled"),
    Column("reason", String, nullable=False),
    comment="Append only: what a bar said before the source restated it",
)

corporate_actions = Table(
    "corporate_actions",
    metadata,
    Column("source", String, primary_key=True),
    Column("ticker", String, primary_key=True),
    Column("session", Date, primary_key=True, comment="The ex-date"),
    Column("kind", String, primary_key=True),
    Column(
        "value",
        Double,
        nullable=False,
        comment="Split: new shares per old, 1 once withdrawn; dividend: per share, 0 once withdrawn",
    ),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("missing_since", UtcDateTime, comment="First pull that no longer told it; null while it is told"),
    CheckConstraint("kind IN ('split', 'dividend')", name="kind"),
    CheckConstraint("value >= 0 AND value < 1e12 AND (value > 0 OR kind = 'dividend')", name="value_bounds"),
    _to_instruments(),
    comment="Dated splits and dividends",
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("version", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("trained_through", Date, nullable=False, comment="Last session that training or validation saw"),
    Column("weights", LargeBinary, nullable=False, comment="safetensors bytes"),
    Column("config", Text, nullable=False, comment="JSON that rebuilds the network and its features"),
    Column("metrics", sa.JSON, nullable=False, comment="Measured on the validation sessions"),
    Column("data_fingerprint", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("status", String, nullable=False),
    CheckConstraint("status IN ('candidate', 'champion', 'retired', 'refused')", name="status"),
    comment="Trained models; at most one champion a source",
)
sa.Index(
    "uq_model_versions_champion",
    model_versions.c.source,
    unique=True,
    sqlite_where=model_versions.c.status == "champion",
    postgresql_where=model_versions.c.status == "champion",
)

forecast_runs = Table(
    "forecast_runs",
    metadata,
    Column("run_id", String, primary_key=True, comment="A function of the inputs"),
    Column("source", String, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("model_version", ForeignKey("model_versions.version"), nullable=False),
    Column("seed", sa.BigInteger, nullable=False),
    Column("settings", Text, nullable=False, comment="JSON"),
    Column("data_fingerprint", String, nullable=False),
    Column("code_version", String, nullable=False),
    Column("library_versions", Text, nullable=False, comment="JSON"),
    Column("flow_run_id", String, comment="Prefect's id"),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("quarantined", Text, comment="JSON: the reason of each ticker that was left out"),
    comment="Runs that changed a forecast; old ones stay when their forecasts are replaced",
)

forecasts = Table(
    "forecasts",
    metadata,
    Column("ticker", String, primary_key=True),
    Column("as_of", Date, primary_key=True, comment="Session whose close is the anchor"),
    Column("target_session", Date, primary_key=True),
    Column("horizon", Integer, nullable=False, comment="Sessions after as_of"),
    Column(
        "anchor_close", Double, nullable=False, comment="In units of as_of, as are lower, median and upper"
    ),
    Column("lower", Double, nullable=False, comment="Calibrated price at the lowest level"),
    Column("median", Double, nullable=False, comment="Calibrated price at level 0.5"),
    Column("upper", Double, nullable=False, comment="Calibrated price at the highest level"),
    Column("coverage", Double, nullable=False, comment="Nominal probability between lower and upper"),
    Column("quality", String, nullable=False, comment="Rung that made it: champion, previous or baseline"),
    Column("model_version", ForeignKey("model_versions.version"), nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("run_id", ForeignKey("forecast_runs.run_id"), nullable=False),
    Column("model_variance", Double, comment="Of the cumulative log return, between dropout runs"),
    Column("noise_variance", Double, comment="Of the cumulative log return, within dropout runs"),
    sa.UniqueConstraint("ticker", "as_of", "horizon"),
    CheckConstraint("lower > 0 AND lower <= median AND median <= upper AND upper < 1e12", name="ordered"),
    CheckConstraint("anchor_close > 0 AND anchor_close < 1e12", name="anchor_bounds"),
    CheckConstraint("coverage > 0 AND coverage < 1", name="coverage_bounds"),
    CheckConstraint("horizon > 0", name="horizon_bounds"),
    CheckConstraint("target_session > as_of", name="target_later"),
    CheckConstraint("quality IN ('champion', 'previous', 'baseline')", name="quality"),
    comment="One row per ticker, as_of and target session",
)

forecast_quantiles = Table(
    "forecast_quantiles",
    metadata,
    Column("ticker", String, primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("target_session", Date, primary_key=True),
    Column("horizon", Integer, nullable=False, comment="Sessions after as_of"),
    Column("band", String, primary_key=True),
    Column("level", Double, primary_key=True, comment="Quantile level, such as 0.05, rounded to 6 digits"),
    Column("log_return", Double, nullable=False, comment="Cumulative since as_of"),
    Column("price", Double, nullable=False, comment="In units of as_of"),
    sa.ForeignKeyConstraint(
        ["ticker", "as_of", "target_session"],
        ["forecasts.ticker", "forecasts.as_of", "forecasts.target_session"],
        ondelete="CASCADE",
    ),
    CheckConstraint("level > 0 AND level < 1", name="level_bounds"),
    CheckConstraint("price > 0 AND price < 1e12", name="price_bounds"),
    CheckConstraint("band IN ('mc_dropout', 'predictive', 'calibrated')", name="band"),
    comment="Every quantile of every band of a forecast",
)

quarantines = Table(
    "quarantines",
    metadata,
    Column("source", String, primary_key=True),
    Column("ticker", String, primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("reason", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    comment="Tickers left out of a day's run, and why",
)

# Views get no Table: in the same metadata Alembic would create them as tables.
_LEFT_OUT_OF_LATEST = ("run_id", "model_variance", "noise_variance")
latest_forecast = sa.table(
    "latest_forecast",
    *(sa.column(c.name, c.type) for c in forecasts.c if c.name not in _LEFT_OUT_OF_LATEST),
)
forecast_with_outcome = sa.table(
    "forecast_with_outcome",
    *(sa.column(c.name, c.type) for c in forecasts.c),
    sa.column("actual_close", Double),
    sa.column("actual_log_return", Double),
    sa.column("inside", Integer),
)
