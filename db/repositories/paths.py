"""Repository of what became of the closes that the odds of forecasts are about."""

from collections.abc import Collection
from datetime import date, datetime
from functools import reduce
from operator import add
from typing import Any

import pandas as pd
import sqlalchemy as sa

from db.pruning import LONGEST_BAND
from db.repositories.base import ALL_ISSUED, Repository, Selection
from db.revised_closes import is_action_within, is_of_other_instrument, is_revised_within
from db.schema import (
    corporate_actions,
    forecast_odds,
    forecast_runs,
    forecasts,
    path_odds,
    path_outcomes,
    price_revisions,
)
from db.sql import differs_beyond_rounding, read_frame, upsert
from forecasting.tables import OPEN_PATHS, PATH_OUTCOMES
from forecasting.types import PathStatistic

TENTHS = 10
_GUARDED = ("highest", "lowest", "drawdown", "target_session")
_KEY = ("source", "ticker", "as_of", "horizon")


class PathRepository(Repository):
    """Stored extremes of the closes up to each target, beside the odds of the forecasts."""

    def load_pending(self, ticker: str, until: date, since: date = date.min) -> pd.DataFrame:
        """Load paths with odds up to a target session that have no outcome, or one from other prices.

        Args:
            ticker: The symbol.
            until: Last target session.
            since: No forecast from an earlier session is returned, nor looked at.

        Returns:
            A frame of `forecasting.tables.OPEN_PATHS`.
        """
        row, run = forecasts.c, forecast_runs.c
        is_same = sa.and_(*(forecast_odds.c[name] == row[name] for name in _KEY))
        outcome = path_outcomes.c
        has_outcome = sa.and_(*(outcome[name] == row[name] for name in _KEY))
        query = (
            sa.select(
                row.as_of,
                row.target_session,
                row.horizon,
                row.anchor_close,
                run.kind,
                run.price_basis,
            )
            .join(forecast_runs, run.run_id == row.run_id)
            .outerjoin(path_outcomes, has_outcome)
            .where((row.source == self._source) & (row.ticker == ticker) & (row.target_session <= until))
            .where((row.as_of >= since) & (row.as_of < until))
            .where(sa.exists().where(is_same).correlate(forecasts))
            .where(sa.or_(outcome.scored_at.is_(None), _is_revised(), _has_new_action()))
            .where(~is_of_other_instrument())
        )
        return OPEN_PATHS.check(read_frame(self._connection, query))

    def save(self, outcomes: pd.DataFrame, scored_at: datetime) -> None:
        """Store outcomes; those that are stored with the same values stay as they are.

        Args:
            outcomes: A frame of `forecasting.tables.PATH_OUTCOMES`.
            scored_at: When (UTC).

        Raises:
            TableError: The frame is of another schema.
        """
        rows = PATH_OUTCOMES.check(outcomes)[PATH_OUTCOMES.names].to_dict("records")
        common = {"source": self._source, "scored_at": scored_at}
        upsert(
            self._connection,
            path_outcomes,
            [{**row, **common} for row in rows],
            guarded=_GUARDED,
            differs=differs_beyond_rounding,
        )

    def forget(self, ticker: str, sessions: Collection[date]) -> None:
        """Delete the outcomes of a ticker whose closes on the way have lost their bar."""
        outcome = path_outcomes.c
        is_ticker = (outcome.source == self._source) & (outcome.ticker == ticker)
        gone, earliest = (sa.bindparam(name, type_=sa.Date) for name in ("gone", "earliest"))
        is_on_way = (outcome.as_of >= earliest) & (outcome.as_of < gone) & (outcome.target_session >= gone)
        lost = [{"gone": session, "earliest": session - LONGEST_BAND} for session in sessions]
        if lost:
            self._connection.execute(sa.delete(path_outcomes).where(is_ticker & is_on_way), lost)

    def compare_touches(self, selection: Selection = ALL_ISSUED) -> pd.DataFrame:
        """Compare the probability of touches with how many happened, in each tenth of the probability.

        Returns:
            Columns `horizon`, `tenth` (0 for probabilities under 0.1), `outcomes`, `mean_probability` and
            `touched` (share), sorted by the first two.
        """
        odds, outcome = path_odds.c, path_outcomes.c
        tenth = reduce(add, (sa.case((odds.value >= step / TENTHS, 1), else_=0) for step in range(1, TENTHS)))
        is_touched = sa.case(
            (odds.level > 0, outcome.highest >= odds.level), else_=outcome.lowest <= odds.level
        )
        happened = sa.func.avg(sa.case((is_touched, 1.0), else_=0.0))
        query = sa.select(
            odds.horizon,
            tenth.label("tenth"),
            sa.func.count().label("outcomes"),
            sa.func.avg(odds.value).label("mean_probability"),
            sa.cast(happened, sa.Double).label("touched"),
        ).group_by(odds.horizon, tenth)
        query = self._of_closed(query, "touch", selection)
        return read_frame(self._connection, query.order_by(odds.horizon, tenth))

    def compare_drawdowns(self, selection: Selection = ALL_ISSUED) -> pd.DataFrame:
        """Compute the share of drawdowns at or below each of their quantiles.

        Returns:
            Columns `horizon`, `level`, `outcomes` and `at_or_below` (share), sorted by the first two.
        """
        odds, outcome = path_odds.c, path_outcomes.c
        held = sa.func.avg(sa.case((outcome.drawdown <= odds.value, 1.0), else_=0.0))
        query = sa.select(
            odds.horizon,
            odds.level,
            sa.func.count().label("outcomes"),
            sa.cast(held, sa.Double).label("at_or_below"),
        ).group_by(odds.horizon, odds.level)
        query = self._of_closed(query, "drawdown", selection)
        return read_frame(self._connection, query.order_by(odds.horizon, odds.level))

    def _of_closed(
        self, query: sa.Select[Any], statistic: PathStatistic, selection: Selection
    ) -> sa.Select[Any]:
        """Let a query of odds and path outcomes read those of one statistic that have closed."""
        is_same = sa.and_(*(path_odds.c[name] == path_outcomes.c[name] for name in _KEY))
        is_selected = self._is_selected(selection, path_outcomes, path_outcomes)
        joined = query.select_from(sa.join(path_outcomes, path_odds, is_same))
        return joined.where(is_selected & (path_odds.c.statistic == statistic))


def _is_revised() -> sa.ColumnElement[bool]:
    """Build the condition that a close on the way was revised after the outcome was stored."""
    is_new = path_outcomes.c.scored_at < price_revisions.c.replaced_at
    return sa.exists().where(is_revised_within() & is_new).correlate(forecasts, path_outcomes)


def _has_new_action() -> sa.ColumnElement[bool]:
    """Build the condition that a split or dividend on the way became known after the outcome was stored."""
    is_new = path_outcomes.c.scored_at < corporate_actions.c.first_seen_at
    return sa.exists().where(is_action_within() & is_new).correlate(forecasts, path_outcomes)
