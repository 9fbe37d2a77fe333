"""What became of each band, what calibration learned from it, and whether a new model was let in."""

import sqlalchemy as sa
from alembic import op

from db.migrations.checks import replace_check
from db.migrations.views import (
    COVERAGE_BY_HORIZON_3,
    FORECAST_WITH_OUTCOME_1,
    FORECAST_WITH_OUTCOME_2,
    LATEST_FORECAST_1,
    LATEST_FORECAST_2,
    PINBALL_BY_LEVEL_3,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BAND = ("forecast_quantiles", "ck_forecast_quantiles_band")
_STATUS = ("model_versions", "ck_model_versions_status")
_OLD_VIEWS = ("forecast_with_outcome", "latest_forecast")
_NEW_VIEWS = ("pinball_by_level", "coverage_by_horizon")


def upgrade() -> None:
    _drop_views(*_OLD_VIEWS)
    _create_calibrations()
    _create_gate_decisions()
    _create_verifications()
    _add_columns()
    replace_check(*_BAND, "band IN ('mc_dropout', 'predictive', 'calibrated', 'random_walk')")
    replace_check(*_STATUS, "status IN ('candidate', 'champion', 'retired', 'refused', 'baseline')")
    for view in (LATEST_FORECAST_2, FORECAST_WITH_OUTCOME_2, COVERAGE_BY_HORIZON_3, PINBALL_BY_LEVEL_3):
        op.execute(view)


def downgrade() -> None:
    _drop_views(*_NEW_VIEWS, *_OLD_VIEWS)
    for statement in _WHAT_THE_OLD_SCHEMA_CANNOT_HOLD:
        op.execute(statement)
    replace_check(*_STATUS, "status IN ('candidate', 'champion', 'retired', 'refused')")
    replace_check(*_BAND, "band IN ('mc_dropout', 'predictive', 'calibrated')")
    for table, column in _COLUMNS:
        op.drop_column(table, column)
    for table in ("verifications", "gate_decisions", "calibrations"):
        op.drop_table(table)
    op.execute(LATEST_FORECAST_1)
    op.execute(FORECAST_WITH_OUTCOME_1)


_OF_THE_BASELINE = "IN (SELECT version FROM model_versions WHERE status = 'baseline')"
_WHAT_THE_OLD_SCHEMA_CANNOT_HOLD = (
    # children first: SQLite migrates with foreign keys off, so nothing cascades
    "DELETE FROM forecast_quantiles WHERE band = 'random_walk' OR EXISTS (SELECT 1 FROM forecasts f"
    " WHERE f.ticker = forecast_quantiles.ticker AND f.as_of = forecast_quantiles.as_of"
    f" AND f.model_version {_OF_THE_BASELINE})",
    f"DELETE FROM forecasts WHERE model_version {_OF_THE_BASELINE}",
    f"DELETE FROM forecast_runs WHERE model_version {_OF_THE_BASELINE}",
    "DELETE FROM model_versions WHERE status = 'baseline'",
)

_IN = "CONSTRAINT ck_{table}_{name} CHECK ({name} IN ({values}))"
_CALIBRATION = "CONSTRAINT fk_forecast_runs_calibrations REFERENCES calibrations (calibration_id)"
_KINDS = _IN.format(table="forecast_runs", name="kind", values="'live', 'backfill'")
_REGIMES = _IN.format(table="forecasts", name="regime", values="'calm', 'normal', 'stress'")
_COLUMNS = {
    ("model_versions", "gated_as_of"): "DATE",
    ("forecast_runs", "calibration_id"): f"VARCHAR {_CALIBRATION}",
    ("forecast_runs", "kind"): f"VARCHAR DEFAULT 'live' NOT NULL {_KINDS}",
    ("forecasts", "outcomes"): "INTEGER",
    ("forecasts", "regime"): f"VARCHAR {_REGIMES}",
}
_COMMENTS = {
    ("model_versions", "gated_as_of"): "Last session that its gate saw; null where it passed none",
    ("forecast_runs", "kind"): "live or backfill",
    ("forecasts", "outcomes"): "Closed outcomes that its calibration rests on",
    ("forecasts", "regime"): "Volatility at issue: calm, normal or stress",
}


def _drop_views(*views: str) -> None:
    for view in views:
        op.execute(f"DROP VIEW {view}")


def _add_columns() -> None:
    # In SQL, because SQLite takes a constraint with a new column, and Alembic would add it afterwards.
    for (table, column), kind in _COLUMNS.items():
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    if op.get_bind().dialect.name == "postgresql":
        for (table, column), comment in _COMMENTS.items():
            op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{comment}'")
        op.create_table_comment(
            "model_versions", "Trained models, at most one champion a source, and the random walk as baseline"
        )


def _number(name: str, comment: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable, comment=comment)


def _count(name: str, comment: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, comment=comment)


def _checks(table: str, rules: dict[str, str]) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()]


def _create_calibrations() -> None:
    op.create_table(
        "calibrations",
        sa.Column("calibration_id", sa.String, nullable=False, comment="A digest of source, as_of and state"),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False, comment="No outcome of a later session went in"),
        sa.Column("state", sa.Text, nullable=False, comment="JSON"),
        _count("outcomes", "Closed outcomes that it rests on"),
        sa.Column("code_version", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("calibration_id", name=op.f("pk_calibrations")),
        comment="What calibration had learned, session by session",
    )


def _create_gate_decisions() -> None:
    op.create_table(
        "gate_decisions",
        sa.Column("decision_id", sa.String, nullable=False, comment="A digest of what was compared"),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False, comment="Last session that the comparison saw"),
        sa.Column("candidate", sa.String, nullable=False),
        sa.Column("champion", sa.String, comment="Null where none served: the random walk was the measure"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promoted", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _number("candidate_crps", "Mean over horizons, each in units of the random walk's mean"),
        _number("champion_crps", "As candidate_crps", nullable=True),
        _number("floor_crps", "Mean CRPS of the random walk, in log returns"),
        _number("difference", "Candidate minus champion (or floor), relative to it"),
        _number("lower", "Lower bound of the difference"),
        _number("upper", "Upper bound of the difference"),
        _number("tolerance", "Upper bound at which an old champion is renewed"),
        _count("dates", "Held-out dates compared"),
        _count("forecasts", "Outcomes compared: date, ticker and horizon"),
        *(
            sa.ForeignKeyConstraint(
                [role], ["model_versions.version"], name=op.f(f"fk_gate_decisions_{role}_model_versions")
            )
            for role in ("candidate", "champion")
        ),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_gate_decisions")),
        comment="Whether a new model was let in, and why",
    )


_VERIFICATION_KEY = ("source", "ticker", "as_of", "target_session", "method", "kind")
_VERIFICATION_CHECKS = {
    "method": "method IN ('calibrated', 'predictive', 'mc_dropout', 'random_walk')",
    "kind": "kind IN ('live', 'backfill', 'walk_forward')",
    "quality": "quality IN ('champion', 'previous', 'baseline')",
    "regime": "regime IN ('calm', 'normal', 'stress')",
    "one_of_three": "inside + below + above = 1",
    "ordered": "lower <= median AND median <= upper",
    "nominal_bounds": "nominal > 0 AND nominal < 1",
}


def _create_verifications() -> None:
    op.create_table(
        "verifications",
        sa.Column("source", sa.String, nullable=False),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("target_session", sa.Date, nullable=False),
        sa.Column("method", sa.String, nullable=False, comment="The band that is scored"),
        sa.Column("kind", sa.String, nullable=False, comment="live, backfill, or walk_forward: never issued"),
        _count("horizon", "Sessions after as_of"),
        sa.Column(
            "quality", sa.String, nullable=False, comment="Rung that made it: champion, previous or baseline"
        ),
        sa.Column("regime", sa.String, comment="Volatility at issue: calm, normal or stress"),
        _number("nominal", "Probability between lower and upper"),
        _number("lower", "Cumulative log return at the lowest level"),
        _number("median", "Cumulative log return at level 0.5"),
        _number("upper", "Cumulative log return at the highest level"),
        _number("actual_log_return", "What happened, on the price basis of as_of"),
        *(_count(name, "1 or 0") for name in ("inside", "below", "above")),
        _number("crps", "From the stored levels; null where only the outermost are known", nullable=True),
        _number("winkler", "Interval score of lower and upper"),
        _number("pinball_lower", "Of the lowest level"),
        _number("pinball_upper", "Of the highest level"),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        *_checks("verifications", _VERIFICATION_CHECKS),
        sa.PrimaryKeyConstraint(*_VERIFICATION_KEY, name=op.f("pk_verifications")),
        comment="Bands whose target session has closed, with their scores: lower is better",
    )
