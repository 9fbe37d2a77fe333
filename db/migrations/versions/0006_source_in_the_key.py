"""Put the price source into the key of forecasts and quantiles, and keep the universe of each source."""

import sqlalchemy as sa
from alembic import op

from db.migrations.views import (
    CONTRACT_VERSION_6,
    COVERAGE_BY_HORIZON_3,
    FORECAST_WITH_OUTCOME_2,
    FORECAST_WITH_OUTCOME_6,
    LATEST_FORECAST_2,
    LATEST_FORECAST_6,
    PINBALL_BY_LEVEL_3,
    PINBALL_BY_LEVEL_6,
)

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OLD_VIEWS = ("pinball_by_level", "coverage_by_horizon", "forecast_with_outcome", "latest_forecast")
_KEY = ("ticker", "as_of", "target_session")
_FORECAST = (
    *("ticker", "as_of", "target_session", "horizon", "anchor_close", "lower", "median", "upper"),
    *("coverage", "quality", "model_version", "issued_at", "run_id", "model_variance"),
    *("noise_variance", "outcomes", "regime"),
)
_QUANTILE = ("ticker", "as_of", "target_session", "horizon", "band", "level", "log_return", "price")
_INDEXES = (  # for queries that name no source
    ("forecasts", ["ticker", "as_of"]),
    ("forecasts", ["target_session"]),
    ("verifications", ["target_session"]),
)
_SOURCE = "Price source: yahoo, csv or sample"
_FORECAST_CHECKS = {
    "ordered": "lower > 0 AND lower <= median AND median <= upper AND upper < 1e12",
    "anchor_bounds": "anchor_close > 0 AND anchor_close < 1e12",
    "coverage_bounds": "coverage > 0 AND coverage < 1",
    "horizon_bounds": "horizon > 0",
    "target_later": "target_session > as_of",
    "quality": "quality IN ('champion', 'previous', 'baseline')",
}
_QUANTILE_CHECKS = {
    "band": "band IN ('mc_dropout', 'predictive', 'calibrated', 'random_walk')",
    "level_bounds": "level > 0 AND level < 1",
    "price_bounds": "price > 0 AND price < 1e12",
}
_REGIMES = "CONSTRAINT ck_forecasts_regime CHECK (regime IN ('calm', 'normal', 'stress'))"
_LATE_COLUMNS = {  # as migration 0003 adds them: SQLite drops a column with a CHECK of its own alone
    "outcomes": ("INTEGER", "Closed outcomes that its calibration rests on"),
    "regime": (f"VARCHAR {_REGIMES}", "Volatility at issue: calm, normal or stress"),
}
_COPIED_FORWARD = (
    f"INSERT INTO forecasts (source, {', '.join(_FORECAST)})"  # our names
    f" SELECT r.source, {', '.join(f'f.{name}' for name in _FORECAST)}"
    " FROM old_forecasts f JOIN forecast_runs r ON r.run_id = f.run_id",
    f"INSERT INTO forecast_quantiles (source, {', '.join(_QUANTILE)})"  # our names
    f" SELECT f.source, {', '.join(f'q.{name}' for name in _QUANTILE)}"
    " FROM old_forecast_quantiles q JOIN forecasts f ON f.ticker = q.ticker AND f.as_of = q.as_of"
    " AND f.target_session = q.target_session",
)
# The old key has room for one source a ticker and session: the one that was issued last.
_COPIED_BACK = (
    f"INSERT INTO forecasts ({', '.join(_FORECAST)}) SELECT {', '.join(_FORECAST)}"  # our names
    " FROM old_forecasts f WHERE NOT EXISTS (SELECT 1 FROM old_forecasts later"
    " WHERE later.ticker = f.ticker AND later.as_of = f.as_of AND (later.issued_at > f.issued_at"
    " OR (later.issued_at = f.issued_at AND later.source < f.source)))",
    f"INSERT INTO forecast_quantiles ({', '.join(_QUANTILE)})"  # our names
    f" SELECT {', '.join(f'q.{name}' for name in _QUANTILE)} FROM old_forecast_quantiles q"
    " JOIN forecasts f ON f.ticker = q.ticker AND f.as_of = q.as_of AND f.target_session = q.target_session"
    " JOIN forecast_runs r ON r.run_id = f.run_id AND r.source = q.source",
)


def upgrade() -> None:
    _drop_views(*_OLD_VIEWS)
    _rebuild(with_source=True)
    _create_universes()
    for table, columns in _INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    for view in (LATEST_FORECAST_6, FORECAST_WITH_OUTCOME_6, COVERAGE_BY_HORIZON_3, PINBALL_BY_LEVEL_6):
        op.execute(view)
    op.execute(CONTRACT_VERSION_6)


def downgrade() -> None:
    _drop_views("contract_version", *_OLD_VIEWS)
    op.drop_index("ix_verifications_target_session", "verifications")
    op.drop_table("universes")
    _rebuild(with_source=False)
    for view in (LATEST_FORECAST_2, FORECAST_WITH_OUTCOME_2, COVERAGE_BY_HORIZON_3, PINBALL_BY_LEVEL_3):
        op.execute(view)


def _drop_views(*views: str) -> None:
    for view in views:
        op.execute(f"DROP VIEW {view}")


# A quarantine without a run of its session is of a run that failed.
_FILLED = (
    "INSERT INTO universes (source, ticker, as_of) SELECT source, ticker, MAX(as_of) FROM ("
    " SELECT f.source, f.ticker, r.as_of FROM forecasts f JOIN forecast_runs r ON r.run_id = f.run_id"
    " UNION SELECT q.source, q.ticker, q.as_of FROM quarantines q"
    " JOIN forecast_runs r ON r.source = q.source AND r.as_of = q.as_of) seen GROUP BY source, ticker"
)


def _create_universes() -> None:
    age = "Sessions closed after its newest band when its last run was issued; null where not known"
    as_of = "Newest session whose run forecast the ticker or left it out"
    op.create_table(
        "universes",
        *_source(with_source=True),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False, comment=as_of),
        sa.Column("age_sessions", sa.Integer, comment=age),
        sa.PrimaryKeyConstraint("source", "ticker", name=op.f("pk_universes")),
        comment="Tickers of every run; those of a source's newest as_of are its universe",
    )
    op.execute(_FILLED)


def _rebuild(*, with_source: bool) -> None:
    """Make both tables anew, copy their rows, and drop the old ones: SQLite changes no key in place."""
    if op.get_bind().dialect.name == "postgresql":  # whose keys have names of their own
        op.drop_constraint(op.f("fk_forecast_quantiles_forecasts"), "forecast_quantiles")
        op.drop_constraint(op.f("pk_forecast_quantiles"), "forecast_quantiles")
        op.drop_constraint(op.f("pk_forecasts"), "forecasts")
        op.drop_constraint(op.f(_unique(with_source=not with_source)), "forecasts")
    for table in ("forecast_quantiles", "forecasts"):
        op.rename_table(table, f"old_{table}")
    _create_forecasts(with_source=with_source)
    _add_late_columns()
    _create_forecast_quantiles(with_source=with_source)
    for statement in _COPIED_FORWARD if with_source else _COPIED_BACK:
        op.execute(statement)
    for table in ("forecast_quantiles", "forecasts"):
        op.drop_table(f"old_{table}")


def _unique(*, with_source: bool) -> str:
    return "uq_forecasts_source_ticker_as_of_horizon" if with_source else "uq_forecasts_ticker_as_of_horizon"


def _source(*, with_source: bool) -> list[sa.Column[str]]:
    return [sa.Column("source", sa.String, nullable=False, comment=_SOURCE)] if with_source else []


def _checks(table: str, rules: dict[str, str]) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()]


def _number(name: str, comment: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable, comment=comment)


def _create_forecasts(*, with_source: bool) -> None:
    first, unique = ("source",) if with_source else (), _unique(with_source=with_source)
    row = "source, ticker, as_of and target session" if with_source else "ticker, as_of and target session"
    op.create_table(
        "forecasts",
        *_source(with_source=with_source),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False, comment="Session whose close is the anchor"),
        sa.Column("target_session", sa.Date, nullable=False),
        sa.Column("horizon", sa.Integer, nullable=False, comment="Sessions after as_of"),
        _number("anchor_close", "In units of as_of, as are lower, median and upper"),
        _number("lower", "Calibrated price at the lowest level"),
        _number("median", "Calibrated price at level 0.5"),
        _number("upper", "Calibrated price at the highest level"),
        _number("coverage", "Nominal probability between lower and upper"),
        sa.Column(
            "quality", sa.String, nullable=False, comment="Rung that made it: champion, previous or baseline"
        ),
        sa.Column("model_version", sa.String, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        _number("model_variance", "Of the cumulative log return, between dropout runs", nullable=True),
        _number("noise_variance", "Of the cumulative log return, within dropout runs", nullable=True),
        *_checks("forecasts", _FORECAST_CHECKS),
        sa.ForeignKeyConstraint(
            ["model_version"], ["model_versions.version"], name=op.f("fk_forecasts_model_versions")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["forecast_runs.run_id"], name=op.f("fk_forecasts_forecast_runs")
        ),
        sa.PrimaryKeyConstraint(*first, *_KEY, name=op.f("pk_forecasts")),
        sa.UniqueConstraint(*first, "ticker", "as_of", "horizon", name=op.f(unique)),
        comment=f"One row per {row}",
    )


def _add_late_columns() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    for name, (kind, comment) in _LATE_COLUMNS.items():
        op.execute(f"ALTER TABLE forecasts ADD COLUMN {name} {kind}")
        if is_postgres:
            op.execute(f"COMMENT ON COLUMN forecasts.{name} IS '{comment}'")


def _create_forecast_quantiles(*, with_source: bool) -> None:
    key = (*(("source",) if with_source else ()), *_KEY)
    level = "Quantile level, such as 0.05, rounded to 6 digits"
    op.create_table(
        "forecast_quantiles",
        *_source(with_source=with_source),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("target_session", sa.Date, nullable=False),
        sa.Column("horizon", sa.Integer, nullable=False, comment="Sessions after as_of"),
        sa.Column("band", sa.String, nullable=False),
        _number("level", level),
        _number("log_return", "Cumulative since as_of"),
        _number("price", "In units of as_of"),
        *_checks("forecast_quantiles", _QUANTILE_CHECKS),
        sa.ForeignKeyConstraint(
            key,
            [f"forecasts.{name}" for name in key],
            name=op.f("fk_forecast_quantiles_forecasts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(*key, "band", "level", name=op.f("pk_forecast_quantiles")),
        comment="Every quantile of every band of a forecast",
    )
