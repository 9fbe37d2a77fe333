"""Keep editions of live bands beside the first, and index what consumers ask."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from db.migrations.views import (
    CONTRACT_VERSION_8,
    CONTRACT_VERSION_12,
    COVERAGE_BY_HORIZON_8,
    COVERAGE_BY_HORIZON_12,
    COVERAGE_BY_TICKER_8,
    COVERAGE_BY_TICKER_12,
    LATEST_FORECAST_8,
    LATEST_FORECAST_12,
)

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BEFORE = {"latest_forecast": LATEST_FORECAST_8, "contract_version": CONTRACT_VERSION_8}
_AFTER = {"latest_forecast": LATEST_FORECAST_12, "contract_version": CONTRACT_VERSION_12}
_BEFORE_ON_SQLITE = {"coverage_by_horizon": COVERAGE_BY_HORIZON_8, "coverage_by_ticker": COVERAGE_BY_TICKER_8}
_AFTER_ON_SQLITE = {
    "coverage_by_horizon": COVERAGE_BY_HORIZON_12,
    "coverage_by_ticker": COVERAGE_BY_TICKER_12,
}
_TABLES = ("edition_quantiles", "forecast_editions")
# Without counts of rows SQLite goes by how many columns a query names, so an index holds the source, too, and
# the columns that answers are sorted by.
_INDEXES = {
    "ix_forecasts_as_of_source_ticker": ["as_of", "source", "ticker"],
    "ix_forecasts_target_session_source_ticker_as_of": ["target_session", "source", "ticker", "as_of"],
}
_OF_SCORES = "ix_verifications_calibrated"
_SCORE = ["kind", "target_session", "inside", "source", "ticker", "as_of", "horizon"]
_OLD_INDEXES = {
    "ix_forecasts_target_session": "forecasts",
    "ix_verifications_target_session": "verifications",
}
_CHECKS = {
    "ordered": "lower > 0 AND lower <= median AND median <= upper AND upper < 1e12",
    "anchor_bounds": "anchor_close > 0 AND anchor_close < 1e12",
    "coverage_bounds": "coverage > 0 AND coverage < 1",
    "horizon_bounds": "horizon > 0",
    "target_later": "target_session > as_of",
    "edition_later": "edition > 1",
    "quality": "quality IN ('champion', 'previous', 'baseline')",
    "regime": "regime IN ('calm', 'normal', 'stress')",
}


def upgrade() -> None:
    _create_editions()
    _create_quantiles()
    for name, table in _OLD_INDEXES.items():
        op.drop_index(name, table)
    for name, columns in _INDEXES.items():
        op.create_index(name, "forecasts", columns)
    is_served = sa.text("method = 'calibrated'")
    op.create_index(_OF_SCORES, "verifications", _SCORE, sqlite_where=is_served, postgresql_where=is_served)
    _replace_views(_AFTER)
    if op.get_bind().dialect.name == "sqlite":
        _replace_views(_AFTER_ON_SQLITE)


def downgrade() -> None:
    _replace_views(_BEFORE)
    if op.get_bind().dialect.name == "sqlite":
        _replace_views(_BEFORE_ON_SQLITE)
    op.drop_index(_OF_SCORES, "verifications")
    for name in _INDEXES:
        op.drop_index(name, "forecasts")
    for name, table in _OLD_INDEXES.items():
        op.create_index(name, table, ["target_session"])
    for table in _TABLES:
        op.drop_table(table)


def _create_editions() -> None:
    op.create_table(
        "forecast_editions",
        *_key(),
        sa.Column("horizon", sa.Integer, nullable=False),
        *(_required(name, sa.Double()) for name in ("anchor_close", "lower", "median", "upper", "coverage")),
        _required("quality", sa.String()),
        _required("model_version", sa.String()),
        _required("issued_at", sa.DateTime(timezone=True)),
        _required("run_id", sa.String()),
        *(sa.Column(name, sa.Double) for name in ("model_variance", "noise_variance")),
        sa.Column("outcomes", sa.Integer),
        sa.Column("regime", sa.String),
        sa.Column("reports_ahead", sa.Integer),
        *(
            sa.CheckConstraint(text, name=op.f(f"ck_forecast_editions_{name}"))
            for name, text in _CHECKS.items()
        ),
        sa.ForeignKeyConstraint(
            ["model_version"], ["model_versions.version"], name=op.f("fk_forecast_editions_model_versions")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["forecast_runs.run_id"], name=op.f("fk_forecast_editions_forecast_runs")
        ),
        sa.PrimaryKeyConstraint(
            "source", "ticker", "as_of", "edition", "target_session", name=op.f("pk_forecast_editions")
        ),
    )


def _create_quantiles() -> None:
    key = ("source", "ticker", "as_of", "edition", "target_session")
    op.create_table(
        "edition_quantiles",
        *_key(),
        sa.Column("horizon", sa.Integer, nullable=False),
        *(_required(name, sa.Double()) for name in ("level", "log_return", "price")),
        sa.CheckConstraint("level > 0 AND level < 1", name=op.f("ck_edition_quantiles_level_bounds")),
        sa.CheckConstraint("price > 0 AND price < 1e12", name=op.f("ck_edition_quantiles_price_bounds")),
        sa.ForeignKeyConstraint(
            key,
            [f"forecast_editions.{name}" for name in key],
            name=op.f("fk_edition_quantiles_forecast_editions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(*key, "level", name=op.f("pk_edition_quantiles")),
    )


def _key() -> list[sa.Column[Any]]:
    kinds = {"source": sa.String, "ticker": sa.String, "as_of": sa.Date, "edition": sa.Integer}
    return [_required(name, kind()) for name, kind in {**kinds, "target_session": sa.Date}.items()]


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _replace_views(views: dict[str, str]) -> None:
    for view, text in views.items():
        op.execute(f"DROP VIEW {view}")
        op.execute(text)
