"""Every table and view."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from db.migrations.views import FORECAST_WITH_OUTCOME_1, LATEST_FORECAST_1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_instruments()
    _create_price_bars()
    _create_price_revisions()
    _create_corporate_actions()
    _create_model_versions()
    _create_forecast_runs()
    _create_forecasts()
    _create_forecast_quantiles()
    _create_quarantines()
    op.execute(LATEST_FORECAST_1)
    op.execute(FORECAST_WITH_OUTCOME_1)


def downgrade() -> None:
    for view in ("forecast_with_outcome", "latest_forecast"):
        op.execute(f"DROP VIEW {view}")
    for table in _TABLES_CHILDREN_FIRST:
        op.drop_table(table)


_TABLES_CHILDREN_FIRST = (
    "forecast_quantiles",
    "forecasts",
    "forecast_runs",
    "model_versions",
    "corporate_actions",
    "price_revisions",
    "price_bars",
    "instruments",
    "quarantines",
)


def _instant(name: str, comment: str | None = None) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, comment=comment)


def _create_instruments() -> None:
    op.create_table(
        "instruments",
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False, comment="Price source: yahoo, csv or sample"),
        sa.Column("calendar", sa.String, comment="Exchange calendar code, where known"),
        _instant("first_seen_at"),
        sa.PrimaryKeyConstraint("ticker", "source", name=op.f("pk_instruments")),
        comment="Every ticker of every source that prices were stored for",
    )


def _create_price_bars() -> None:
    op.create_table(
        "price_bars",
        sa.Column("source", sa.String, nullable=False),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("session", sa.Date, nullable=False),
        sa.Column("open", sa.Double, comment="As traded"),
        sa.Column("high", sa.Double, comment="As traded"),
        sa.Column("low", sa.Double, comment="As traded"),
        sa.Column("close", sa.Double, nullable=False, comment="As traded"),
        sa.Column("volume", sa.Double, comment="Shares, as traded"),
        _instant("first_seen_at", "When these values were first pulled"),
        sa.CheckConstraint("close > 0 AND close < 1e12", name=op.f("ck_price_bars_close_bounds")),
        sa.ForeignKeyConstraint(
            ["ticker", "source"],
            ["instruments.ticker", "instruments.source"],
            name=op.f("fk_price_bars_instruments"),
        ),
        sa.PrimaryKeyConstraint("source", "ticker", "session", name=op.f("pk_price_bars")),
        comment="Daily bars as traded: neither splits nor dividends are worked in",
    )


def _create_price_revisions() -> None:
    op.create_table(
        "price_revisions",
        sa.Column("source", sa.String, nullable=False),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("session", sa.Date, nullable=False),
        _instant("replaced_at", "When other values were pulled"),
        sa.Column("open", sa.Double, comment="As traded"),
        sa.Column("high", sa.Double, comment="As traded"),
        sa.Column("low", sa.Double, comment="As traded"),
        sa.Column("close", sa.Double, nullable=False, comment="As traded"),
        sa.Column("volume", sa.Double, comment="Shares, as traded"),
        _instant("first_seen_at", "When these old values were first pulled"),
        sa.Column("reason", sa.String, nullable=False),
        sa.PrimaryKeyConstraint(
            "source", "ticker", "session", "replaced_at", name=op.f("pk_price_revisions")
        ),
        comment="Append only: what a bar said before the source restated it",
    )


def _create_corporate_actions() -> None:
    op.create_table(
        "corporate_actions",
        sa.Column("source", sa.String, nullable=False),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("session", sa.Date, nullable=False, comment="The ex-date"),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column(
            "value",
            sa.Double,
            nullable=False,
            comment="Split: new shares per old, 1 once withdrawn; dividend: per share, 0 once withdrawn",
        ),
        _instant("first_seen_at"),
        sa.CheckConstraint("kind IN ('split', 'dividend')", name=op.f("ck_corporate_actions_kind")),
        sa.CheckConstraint(
            "value >= 0 AND value < 1e12 AND (value > 0 OR kind = 'dividend')",
            name=op.f("ck_corporate_actions_value_bounds"),
        ),
        sa.ForeignKeyConstraint(
            ["ticker", "source"],
            ["instruments.ticker", "instruments.source"],
            name=op.f("fk_corporate_actions_instruments"),
        ),
        sa.PrimaryKeyConstraint("source", "ticker", "session", "kind", name=op.f("pk_corporate_actions")),
        comment="Dated splits and dividends",
    )


def _create_model_versions() -> None:
    op.create_table(
        "model_versions",
        sa.Column("version", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column(
            "trained_through", sa.Date, nullable=False, comment="Last session that training or validation saw"
        ),
        sa.Column("weights", sa.LargeBinary, nullable=False, comment="safetensors bytes"),
        sa.Column(
            "config", sa.Text, nullable=False, comment="JSON that rebuilds the network and its features"
        ),
        sa.Column("metrics", sa.JSON, nullable=False, comment="Measured on the validation sessions"),
        sa.Column("data_fingerprint", sa.String, nullable=False),
        _instant("created_at"),
        sa.Column("status", sa.String, nullable=False),
        sa.CheckConstraint(
            "status IN ('candidate', 'champion', 'retired', 'refused')", name=op.f("ck_model_versions_status")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model_versions")),
        comment="Trained models; at most one champion a source",
    )
    op.create_index(
        "uq_model_versions_champion",
        "model_versions",
        ["source"],
        unique=True,
        sqlite_where=sa.text("status = 'champion'"),
        postgresql_where=sa.text("status = 'champion'"),
    )


def _create_forecast_runs() -> None:
    op.create_table(
        "forecast_runs",
        sa.Column("run_id", sa.String, nullable=False, comment="A function of the inputs"),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("model_version", sa.String, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("settings", sa.Text, nullable=False, comment="JSON"),
        sa.Column("data_fingerprint", sa.String, nullable=False),
        sa.Column("code_version", sa.String, nullable=False),
        sa.Column("library_versions", sa.Text, nullable=False, comment="JSON"),
        sa.Column("flow_run_id", sa.String, comment="Prefect's id"),
        _instant("issued_at"),
        sa.ForeignKeyConstraint(
            ["model_version"], ["model_versions.version"], name=op.f("fk_forecast_runs_model_versions")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_forecast_runs")),
        comment="Runs that changed a forecast; old ones stay when their forecasts are replaced",
    )


_FORECAST_CHECKS = {
    "ordered": "lower > 0 AND lower <= median AND median <= upper AND upper < 1e12",
    "anchor_bounds": "anchor_close > 0 AND anchor_close < 1e12",
    "coverage_bounds": "coverage > 0 AND coverage < 1",
    "horizon_bounds": "horizon > 0",
    "target_later": "target_session > as_of",
    "quality": "quality IN ('champion', 'previous', 'baseline')",
}


def _create_forecasts() -> None:
    op.create_table(
        "forecasts",
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False, comment="Session whose close is the anchor"),
        sa.Column("target_session", sa.Date, nullable=False),
        sa.Column("horizon", sa.Integer, nullable=False, comment="Sessions after as_of"),
        sa.Column(
            "anchor_close",
            sa.Double,
            nullable=False,
            comment="In units of as_of, as are lower, median and upper",
        ),
        sa.Column("lower", sa.Double, nullable=False, comment="Calibrated price at the lowest level"),
        sa.Column("median", sa.Double, nullable=False, comment="Calibrated price at level 0.5"),
        sa.Column("upper", sa.Double, nullable=False, comment="Calibrated price at the highest level"),
        sa.Column(
            "coverage", sa.Double, nullable=False, comment="Nominal probability between lower and upper"
        ),
        sa.Column(
            "quality", sa.String, nullable=False, comment="Rung that made it: champion, previous or baseline"
        ),
        sa.Column("model_version", sa.String, nullable=False),
        _instant("issued_at"),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("model_variance", sa.Double, comment="Of the cumulative log return, between dropout runs"),
        sa.Column("noise_variance", sa.Double, comment="Of the cumulative log return, within dropout runs"),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_forecasts_{name}"))
            for name, rule in _FORECAST_CHECKS.items()
        ),
        sa.ForeignKeyConstraint(
            ["model_version"], ["model_versions.version"], name=op.f("fk_forecasts_model_versions")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["forecast_runs.run_id"], name=op.f("fk_forecasts_forecast_runs")
        ),
        sa.PrimaryKeyConstraint("ticker", "as_of", "target_session", name=op.f("pk_forecasts")),
        sa.UniqueConstraint("ticker", "as_of", "horizon", name=op.f("uq_forecasts_ticker_as_of_horizon")),
        comment="One row per ticker, as_of and target session",
    )


def _create_forecast_quantiles() -> None:
    op.create_table(
        "forecast_quantiles",
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("target_session", sa.Date, nullable=False),
        sa.Column("horizon", sa.Integer, nullable=False, comment="Sessions after as_of"),
        sa.Column("band", sa.String, nullable=False),
        sa.Column(
            "level", sa.Double, nullable=False, comment="Quantile level, such as 0.05, rounded to 6 digits"
        ),
        sa.Column("log_return", sa.Double, nullable=False, comment="Cumulative since as_of"),
        sa.Column("price", sa.Double, nullable=False, comment="In units of as_of"),
        sa.CheckConstraint(
            "band IN ('mc_dropout', 'predictive', 'calibrated')", name=op.f("ck_forecast_quantiles_band")
        ),
        sa.CheckConstraint("level > 0 AND level < 1", name=op.f("ck_forecast_quantiles_level_bounds")),
        sa.CheckConstraint("price > 0 AND price < 1e12", name=op.f("ck_forecast_quantiles_price_bounds")),
        sa.ForeignKeyConstraint(
            ["ticker", "as_of", "target_session"],
            ["forecasts.ticker", "forecasts.as_of", "forecasts.target_session"],
            name=op.f("fk_forecast_quantiles_forecasts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "ticker", "as_of", "target_session", "band", "level", name=op.f("pk_forecast_quantiles")
        ),
        comment="Every quantile of every band of a forecast",
    )


def _create_quarantines() -> None:
    op.create_table(
        "quarantines",
        sa.Column("source", sa.String, nullable=False),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        _instant("seen_at"),
        sa.PrimaryKeyConstraint("source", "ticker", "as_of", name=op.f("pk_quarantines")),
        comment="Tickers left out of a day's run, and why",
    )
