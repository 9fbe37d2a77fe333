"""Closed bands: which are still to be scored, their scores, and what calibration learns from."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import pandas as pd
import sqlalchemy as sa

from db.repositories.closed_bands import NONE_CLOSED, closed_query, narrow
from db.schema import (
    corporate_actions,
    forecast_quantiles,
    forecast_runs,
    forecasts,
    price_revisions,
    verifications,
)
from db.sql import frame, upsert

Dimension = Literal["horizon", "ticker", "regime", "quality"]
ISSUED_KINDS = ("live", "backfill")
_GUARDED = ("lower", "median", "upper", "actual_log_return", "crps")
_KEY = ("source", "ticker", "as_of", "target_session")


class VerificationRepository:
    """The scored bands of one price source.

    Args:
        conn: From `db.engine.reading` or, to store, `db.engine.writing`.
        source: Name of the source, such as `yahoo`.
    """

    def __init__(self, conn: sa.Connection, source: str) -> None:
        self._conn = conn
        self._source = source

    def tickers(self) -> list[str]:
        """Every ticker with an issued forecast, sorted."""
        query = sa.select(forecasts.c.ticker).distinct().join(forecast_runs, _made_by)
        mine = query.where(forecast_runs.c.source == self._source)
        return list(self._conn.scalars(mine.order_by(forecasts.c.ticker)))

    def pending(self, ticker: str, until: date) -> pd.DataFrame:
        """Issued bands with a target up to `until` that were never scored, or may score otherwise by now.

        A score can change only with the close of the target session, which leaves a revision, or with a
        split between issue and target, which leaves an action.

        Returns:
            Long: the columns that `forecasting.verification.score_issued` takes.
        """
        run, row, band = forecast_runs.c, forecasts.c, forecast_quantiles.c
        columns = [row.as_of, row.target_session, row.horizon, row.anchor_close, run.kind, row.quality]
        query = (
            sa.select(*columns, row.regime, band.band, band.level, band.log_return)
            .join(forecast_runs, _made_by)
            .join(forecast_quantiles, _same_row)
            .where((run.source == self._source) & (row.ticker == ticker) & (row.target_session <= until))
            .where(sa.or_(~self._scored(), self._revised(), self._split_since()))
        )
        return frame(self._conn, query)

    def store(self, scores: pd.DataFrame, scored_at: datetime, *, replace: bool = True) -> None:
        """Store scores of one or several tickers; those that are stored with the same values stay.

        Args:
            scores: From `forecasting.evaluation.outcomes`, with a column `ticker`.
            scored_at: When (UTC).
            replace: False leaves stored scores even where values differ.
        """
        rows = scores.astype(object).where(scores.notna(), None).to_dict("records")
        common = {"source": self._source, "scored_at": scored_at}
        upsert(self._conn, verifications, [{**row, **common} for row in rows], _GUARDED if replace else ())

    def closed(
        self, until: date, since: date, nominal: float = 0.9, horizons: Sequence[int] = ()
    ) -> pd.DataFrame:
        """What calibration learns from: each model band's outcome up to `until`, issued bands before walked.

        Args:
            until: No outcome of a later session is returned.
            since: No forecast from an earlier session is.
            nominal: Probability between the outermost levels; bands of other levels are left out.
            horizons: Which, in sessions; none named for all.

        Returns:
            The columns `ticker`, `as_of`, `kind`, `horizon`, `regime`, `actual`, `lower`, `median` and
            `upper` (predictive), `calibrated_lower` and `calibrated_upper`, by `ticker`, `as_of`, `horizon`.
        """
        query = closed_query(self._source, until, since, nominal, horizons)
        scored = sa.select(verifications.c.ticker).where(verifications.c.source == self._source).distinct()
        tickers = sorted(self._conn.scalars(scored))
        # One by one: a hundred tickers have millions of rows after a few years.
        parts = [narrow(frame(self._conn, query, ticker=one), one, tickers) for one in tickers]
        return pd.concat(parts or [NONE_CLOSED], ignore_index=True)

    def scorecard(
        self,
        by: Dimension,
        tickers: Sequence[str] = (),
        kinds: Sequence[str] = ISSUED_KINDS,
        horizons: Sequence[int] = (),
    ) -> pd.DataFrame:
        """Coverage and mean scores by method and one dimension; of issued bands, unless told otherwise."""
        mine, walk = verifications.alias("mine"), verifications.alias("walk")
        same = sa.and_(*(mine.c[name] == walk.c[name] for name in (*_KEY, "kind")))
        both = sa.func.sum(sa.case((walk.c.crps.is_not(None), mine.c.crps)))
        floor = sa.func.sum(sa.case((mine.c.crps.is_not(None), walk.c.crps)))
        query = (
            sa.select(
                mine.c.method,
                mine.c[by],
                sa.func.count().label("outcomes"),
                *(sa.func.avg(sa.cast(mine.c[name], sa.Double)).label(name) for name in _MEANS),
                (both / sa.func.nullif(floor, 0)).label("crps_to_random_walk"),
            )
            .outerjoin(walk, same & (walk.c.method == "random_walk"))
            .where((mine.c.source == self._source) & mine.c.kind.in_(kinds))
            .group_by(mine.c.method, mine.c[by])
            .order_by(mine.c[by], mine.c.method)
        )
        query = query.where(mine.c.ticker.in_(tickers)) if tickers else query
        return frame(self._conn, query.where(mine.c.horizon.in_(horizons)) if horizons else query)

    def counts(self) -> dict[str, int]:
        """Rows of the calibrated band, by kind."""
        columns = verifications.c
        mine = (columns.source == self._source) & (columns.method == "calibrated")
        query = sa.select(columns.kind, sa.func.count()).where(mine).group_by(columns.kind)
        return dict(self._conn.execute(query).tuples().all())

    def _scored(self) -> sa.ColumnElement[bool]:
        done = verifications.c
        same = sa.and_(*(done[name] == forecasts.c[name] for name in _KEY[1:]))
        mine = (done.source == self._source) & same & (done.kind == forecast_runs.c.kind)
        return sa.exists().where(mine & (done.method == "calibrated"))

    def _revised(self) -> sa.ColumnElement[bool]:
        old, row = price_revisions.c, forecasts.c
        mine = (old.source == self._source) & (old.ticker == row.ticker)
        return sa.exists().where(mine & (old.session == row.target_session))

    def _split_since(self) -> sa.ColumnElement[bool]:
        action, row = corporate_actions.c, forecasts.c
        mine = (action.source == self._source) & (action.ticker == row.ticker) & (action.kind == "split")
        return sa.exists().where(mine & (action.session > row.as_of) & (action.session <= row.target_session))


_MEANS = ("inside", "below", "above", "crps", "winkler")
_made_by = forecast_runs.c.run_id == forecasts.c.run_id
_same_row = sa.and_(*(forecast_quantiles.c[name] == forecasts.c[name] for name in _KEY[1:]))
