"""Keep who belongs to the universe of a source, where each exchange has runs of its own."""

import sqlalchemy as sa
from alembic import op

from db.migrations.universe_views import FRESHNESS_18, LATEST_FORECAST_18, MISSING_FORECASTS_18
from db.migrations.views import FRESHNESS_15, LATEST_FORECAST_12, MISSING_FORECASTS_8

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_BEFORE = {
    "latest_forecast": LATEST_FORECAST_12,
    "missing_forecasts": MISSING_FORECASTS_8,
    "freshness": FRESHNESS_15,
}
_AFTER = {
    "latest_forecast": LATEST_FORECAST_18,
    "missing_forecasts": MISSING_FORECASTS_18,
    "freshness": FRESHNESS_18,
}
# Whoever has left stays out: the last session of an exchange that was given up long ago proves nothing.
_MARK = """
    UPDATE universes SET in_universe = 1
    WHERE as_of = (SELECT MAX(newest.as_of) FROM universes newest WHERE newest.source = universes.source)
"""


def upgrade() -> None:
    _drop_views()
    op.add_column("universes", sa.Column("in_universe", sa.Integer, nullable=False, server_default="0"))
    op.add_column("universes", sa.Column("companions", sa.String))
    op.execute(_MARK)
    for text in _AFTER.values():
        op.execute(text)


def downgrade() -> None:
    _drop_views()
    for column in ("companions", "in_universe"):
        op.drop_column("universes", column)
    for text in _BEFORE.values():
        op.execute(text)


def _drop_views() -> None:
    for view in reversed(_BEFORE):  # `freshness` reads the one before it
        op.execute(f"DROP VIEW {view}")
