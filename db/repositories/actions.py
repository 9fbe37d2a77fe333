"""Dated splits and dividends of one price source; one that is no longer told is not withdrawn at once."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from db.schema import corporate_actions
from db.sql import Row, upsert
from forecasting.prices.history import ACTION_COLUMNS, PriceHistory, as_actions

NEUTRAL = {"split": 1.0, "dividend": 0.0}
# A vendor loses an event for a day and finds it again; one that it takes back stays away.
WITHDRAWN_AFTER = timedelta(days=7)
ACTION_RTOL = 1e-3  # a split-adjusted dividend of 0.000982 has lost digits that undoing does not bring back

Key = tuple[date, str]


class ActionRepository:
    """The stored actions of one source.

    Args:
        conn: From `db.engine.reading` or, to store, `db.engine.writing`.
        source: Name of the source, such as `yahoo`.
    """

    def __init__(self, conn: sa.Connection, source: str) -> None:
        self._conn = conn
        self._source = source

    def load(self, ticker: str, until: date | None = None) -> pd.DataFrame:
        """Actions in the shape of `PriceHistory.actions`."""
        days: dict[date, dict[str, float]] = {}
        for row in self._rows(ticker, until):
            if row.value != NEUTRAL[row.kind]:
                days.setdefault(row.session, dict(NEUTRAL))[row.kind] = row.value
        rows = [[days[session][kind] for kind in ACTION_COLUMNS] for session in sorted(days)]
        index = pd.DatetimeIndex(pd.to_datetime(sorted(days)))
        return as_actions(pd.DataFrame(rows, index, list(ACTION_COLUMNS)))

    def store(self, history: PriceHistory, seen_at: datetime) -> dict[str, int]:
        """Store the actions of a pull, and how many of each kind were new or different.

        A stored action inside the span of the pulled bars that the pull lacks is noted as missing, and once
        it has been missing for `WITHDRAWN_AFTER`, withdrawn: it stays, with a value that does nothing.
        """
        stored = {(row.session, row.kind): row for row in self._rows(history.ticker)}
        pulled = _long(history.actions)
        changed = {key: value for key, value in pulled.items() if not _same(stored.get(key), value)}
        found_again = [key for key in pulled if key in stored and key not in changed]
        self._write(history.ticker, changed, seen_at)
        self._note(history.ticker, [key for key in found_again if stored[key].missing_since], None)
        self._miss(history, [row for key, row in stored.items() if key not in pulled], seen_at)
        return {kind: sum(key[1] == kind for key in changed) for kind in ACTION_COLUMNS}

    def _miss(self, history: PriceHistory, rows: list[sa.Row[tuple[object, ...]]], seen_at: datetime) -> None:
        first, last = history.bars.index[0].date(), history.last_session
        missing = [row for row in rows if first <= row.session <= last and row.value != NEUTRAL[row.kind]]
        news = [(row.session, row.kind) for row in missing if row.missing_since is None]
        self._note(history.ticker, news, seen_at)
        gone = [
            row for row in missing if row.missing_since and seen_at - row.missing_since >= WITHDRAWN_AFTER
        ]
        withdrawn = {(row.session, row.kind): NEUTRAL[row.kind] for row in gone}
        self._write(history.ticker, withdrawn, seen_at)

    def _rows(self, ticker: str, until: date | None = None) -> list[sa.Row[tuple[object, ...]]]:
        query = sa.select(corporate_actions).where(self._of(ticker))
        if until is not None:
            query = query.where(corporate_actions.c.session <= until)
        return list(self._conn.execute(query))

    def _of(self, ticker: str) -> sa.ColumnElement[bool]:
        columns = corporate_actions.c
        return (columns.source == self._source) & (columns.ticker == ticker)

    def _note(self, ticker: str, keys: Iterable[Key], since: datetime | None) -> None:
        columns = corporate_actions.c
        for session, kind in keys:
            one = self._of(ticker) & (columns.session == session) & (columns.kind == kind)
            self._conn.execute(sa.update(corporate_actions).where(one).values(missing_since=since))

    def _write(self, ticker: str, values: dict[Key, float], seen_at: datetime) -> None:
        rows: list[Row] = [
            {
                "source": self._source,
                "ticker": ticker,
                "session": session,
                "kind": kind,
                "value": value,
                "first_seen_at": seen_at,
                "missing_since": None,
            }
            for (session, kind), value in values.items()
        ]
        upsert(self._conn, corporate_actions, rows, guarded=("value",))


def _same(stored: sa.Row[tuple[object, ...]] | None, value: float) -> bool:
    return stored is not None and abs(stored.value - value) <= ACTION_RTOL * abs(value)


def _long(actions: pd.DataFrame) -> dict[Key, float]:
    return {
        (session.date(), kind): float(value)
        for kind in ACTION_COLUMNS
        for session, value in actions[kind].items()
        if value != NEUTRAL[kind]
    }
