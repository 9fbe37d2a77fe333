"""Store the odds of the way: touches and drawdowns of paths that agree with the bands."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_LEVEL = "Of a touch the move from the anchor close, such as -0.1; of a drawdown the quantile level"
_VALUE = (
    "Probability that a close lies at the move or beyond; quantile of the largest fall from the "
    "highest close before, as a share of it"
)


def upgrade() -> None:
    op.create_table(
        "path_odds",
        sa.Column("source", sa.String, nullable=False, comment="Price source: yahoo, csv or sample"),
        sa.Column("ticker", sa.String, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("horizon", sa.Integer, nullable=False, comment="Sessions after as_of that the odds span"),
        sa.Column("statistic", sa.String, nullable=False, comment="touch or drawdown"),
        sa.Column("level", sa.Double, nullable=False, comment=_LEVEL),
        sa.Column("value", sa.Double, nullable=False, comment=_VALUE),
        sa.CheckConstraint("horizon > 0", name=op.f("ck_path_odds_horizon_bounds")),
        sa.CheckConstraint("level > -1", name=op.f("ck_path_odds_level_bounds")),
        sa.CheckConstraint("value >= 0 AND value <= 1", name=op.f("ck_path_odds_value_bounds")),
        sa.CheckConstraint("statistic IN ('touch', 'drawdown')", name=op.f("ck_path_odds_statistic")),
        sa.ForeignKeyConstraint(
            ["source", "ticker", "as_of", "horizon"],
            ["forecasts.source", "forecasts.ticker", "forecasts.as_of", "forecasts.horizon"],
            name=op.f("fk_path_odds_forecasts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "source", "ticker", "as_of", "horizon", "statistic", "level", name=op.f("pk_path_odds")
        ),
        comment="Odds of the closes on the way, from paths that have the quantiles of the calibrated bands",
    )


def downgrade() -> None:
    op.drop_table("path_odds")
