"""Units of stored prices since a forecast was issued: bars that all came back multiplied changed them."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa

from db.repositories.base import Repository
from db.revised_closes import COMPARED
from db.schema import forecasts, price_bars, price_revisions
from db.sql import read_frame
from forecasting.prices.identity import closes_apart
from forecasting.prices.scale import find_unit_change

LOOK_BACK = timedelta(days=60)  # holds `COMPARED` sessions of any exchange


class UnitRepository(Repository):
    """Factors between the prices of a forecast's issue and those that are stored now."""

    def load(self, ticker: str, sessions: Collection[date]) -> dict[date, float]:
        """Load session of a forecast -> factor by which its ticker's stored prices were multiplied since.

        Sessions whose units are those of the issue are left out: almost always, all. The factor is NaN where
        the prices are of another instrument, as after the owner has replaced a mistaken file.

        Args:
            ticker: The symbol.
            sessions: Of its forecasts.
        """
        moved = self._load_moved_anchors(ticker, sessions) if sessions else {}
        if not moved:
            return {}
        closes = self._load_closes(ticker, min(moved), max(moved))
        revisions = self._load_revisions(ticker, min(moved), max(moved))
        changes: dict[date, float] = {}
        for as_of, (anchor_close, issued_at) in moved.items():
            now = closes.loc[:as_of].iloc[-COMPARED:]
            then = revisions[revisions["replaced_at"] > issued_at].drop_duplicates("session")
            was = then.set_index("session")["close"].reindex(now.index).fillna(now)
            was[as_of] = anchor_close
            changes[as_of] = np.nan if closes_apart(was, now) else find_unit_change(was, now)
        return {as_of: factor for as_of, factor in changes.items() if factor != 1.0}

    def _load_moved_anchors(
        self, ticker: str, sessions: Collection[date]
    ) -> dict[date, tuple[float, datetime]]:
        """Load session -> anchor close and time of issue of the forecasts whose bar has another close now."""
        row, bar = forecasts.c, price_bars.c
        is_bar = (bar.source == row.source) & (bar.ticker == row.ticker) & (bar.session == row.as_of)
        is_wanted = self._is_of(forecasts, ticker) & row.as_of.between(min(sessions), max(sessions))
        query = (
            sa.select(row.as_of, row.anchor_close, row.issued_at)
            .select_from(sa.join(forecasts, price_bars, is_bar))
            .where(is_wanted & (row.horizon == 1) & (bar.close != row.anchor_close))
        )
        rows = self._connection.execute(query).tuples()
        return {as_of: (anchor, issued_at) for as_of, anchor, issued_at in rows if as_of in sessions}

    def _load_closes(self, ticker: str, first: date, last: date) -> pd.Series:
        """Load the closes by session that are stored now, from some sessions before the first."""
        columns = price_bars.c
        is_wanted = self._is_of(price_bars, ticker) & columns.session.between(first - LOOK_BACK, last)
        query = sa.select(columns.session, columns.close).where(is_wanted).order_by(columns.session)
        bars = read_frame(self._connection, query)
        return bars.set_index("session")["close"]

    def _load_revisions(self, ticker: str, first: date, last: date) -> pd.DataFrame:
        """Load the closes of the same sessions that were replaced, with when, the first replaced first."""
        columns = price_revisions.c
        is_wanted = self._is_of(price_revisions, ticker) & columns.session.between(first - LOOK_BACK, last)
        query = sa.select(columns.session, columns.close, columns.replaced_at).where(is_wanted)
        revisions = read_frame(self._connection, query.order_by(columns.replaced_at))
        return revisions.astype({"close": np.float64})  # of objects, where there are none
