"""Store what became of the closes that odds are about; views of it and of coverage by regime and report."""

import sqlalchemy as sa
from alembic import op

from db.migrations.condition_views import (
    ALL_COVERAGE_BY_CONDITION_13,
    ALL_DRAWDOWNS_BY_LEVEL_13,
    ALL_TOUCHES_BY_TENTH_13,
    COVERAGE_BY_CONDITION_13,
    DRAWDOWNS_BY_LEVEL_13,
    TOUCHES_BY_TENTH_13,
)
from db.types import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_VIEWS = {  # a view on another one follows it
    "all_coverage_by_condition": ALL_COVERAGE_BY_CONDITION_13,
    "coverage_by_condition": COVERAGE_BY_CONDITION_13,
    "all_touches_by_tenth": ALL_TOUCHES_BY_TENTH_13,
    "touches_by_tenth": TOUCHES_BY_TENTH_13,
    "all_drawdowns_by_level": ALL_DRAWDOWNS_BY_LEVEL_13,
    "drawdowns_by_level": DRAWDOWNS_BY_LEVEL_13,
}
_HIGHEST = "Highest close up to target_session, as a move from the anchor close"
_LOWEST = "Lowest close up to target_session, as a move from the anchor close"
_DRAWDOWN = "Largest fall from an earlier close, the anchor included, as a share of it"


def upgrade() -> None:
    op.create_table(
        "path_outcomes",
        sa.Column("source", sa.String, nullable=False, comment="Price source: yahoo, csv or sample"),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("horizon", sa.Integer, nullable=False, comment="Sessions after as_of that the odds span"),
        sa.Column("target_session", sa.Date, nullable=False),
        sa.Column("kind", sa.String, nullable=False, comment="live or backfill"),
        sa.Column("highest", sa.Double, nullable=False, comment=_HIGHEST),
        sa.Column("lowest", sa.Double, nullable=False, comment=_LOWEST),
        sa.Column("drawdown", sa.Double, nullable=False, comment=_DRAWDOWN),
        sa.Column("scored_at", UtcDateTime, nullable=False),
        sa.CheckConstraint("lowest > -1 AND lowest <= highest", name=op.f("ck_path_outcomes_ordered")),
        sa.CheckConstraint("drawdown >= 0 AND drawdown < 1", name=op.f("ck_path_outcomes_drawdown_bounds")),
        sa.CheckConstraint("kind IN ('live', 'backfill')", name=op.f("ck_path_outcomes_kind")),
        sa.ForeignKeyConstraint(
            ["source", "ticker", "as_of", "horizon"],
            ["forecasts.source", "forecasts.ticker", "forecasts.as_of", "forecasts.horizon"],
            name=op.f("fk_path_outcomes_forecasts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("source", "ticker", "as_of", "horizon", name=op.f("pk_path_outcomes")),
        comment="What became of the closes that the odds of a forecast are about",
    )
    for statement in _VIEWS.values():
        op.execute(statement)


def downgrade() -> None:
    for view in reversed(_VIEWS):
        op.execute(f"DROP VIEW {view}")
    op.drop_table("path_outcomes")
