"""Repository of dated splits and dividends.

An action that the source no longer reports is noted as missing first and withdrawn only after some days.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from db.repositories.base import Repository
from db.schema import corporate_actions
from db.sql import Row, upsert
from forecasting.prices.history import ACTION_COLUMNS, PriceHistory, as_actions

NEUTRAL = {"split": 1.0, "dividend": 0.0}  # values that do nothing
# A vendor loses an event for a day and finds it again; one that it takes back stays away.
WITHDRAWN_AFTER = timedelta(days=7)
ACTION_RTOL = 1e-3  # a split-adjusted dividend of 0.000982 has lost digits that undoing does not bring back

ActionKey = tuple[date, str]  # ex-date and kind


class ActionRepository(Repository):
    """Stored actions."""

    def load(self, ticker: str, until: date | None = None) -> pd.DataFrame:
        """Load actions in the shape of `PriceHistory.actions`."""
        values: dict[date, dict[str, float]] = {}
        for row in self._select(ticker, until):
            if row.value != NEUTRAL[row.kind]:
                values.setdefault(row.session, dict(NEUTRAL))[row.kind] = row.value
        rows = [[values[session][kind] for kind in ACTION_COLUMNS] for session in sorted(values)]
        index = pd.DatetimeIndex(pd.to_datetime(sorted(values)))
        return as_actions(pd.DataFrame(rows, index, list(ACTION_COLUMNS)))

    def save(self, history: PriceHistory, seen_at: datetime) -> None:
        """Store the actions of a download.

        A stored action within the span of the downloaded bars that the download lacks is noted as missing.
        Once it has been missing for `WITHDRAWN_AFTER`, or at once from an owner's own file, it is withdrawn:
        the row stays, with a neutral value.
        """
        stored = {(row.session, row.kind): row for row in self._select(history.ticker)}
        downloaded = _read_actions(history.actions)
        changed = {key: value for key, value in downloaded.items() if not _agrees(stored.get(key), value)}
        self._write(history.ticker, changed, seen_at)
        found_again = [
            key for key in downloaded if key in stored and key not in changed and stored[key].missing_since
        ]
        self._set_missing_since(history.ticker, found_again, None)
        absent = [row for key, row in stored.items() if key not in downloaded]
        self._withdraw_absent(history, absent, seen_at)

    def withdraw(self, ticker: str, first: date, last: date, *, at: datetime) -> None:
        """Withdraw every action of a ticker from `first` to `last`, both included."""
        rows = [row for row in self._select(ticker) if first <= row.session <= last]
        self._write(ticker, {(row.session, row.kind): NEUTRAL[row.kind] for row in rows}, at)

    def _withdraw_absent(
        self, history: PriceHistory, absent: Iterable[sa.Row[Any]], seen_at: datetime
    ) -> None:
        first, last = history.bars.index[0].date(), history.last_session
        in_force = [row for row in absent if row.value != NEUTRAL[row.kind]]
        missing = [row for row in in_force if first <= row.session <= last]
        if history.owned is not None:
            deleted = [row for row in in_force if pd.Timestamp(row.session) not in history.owned]
            gone = {(row.session, row.kind): NEUTRAL[row.kind] for row in (*missing, *deleted)}
            self._write(history.ticker, gone, seen_at)
            return
        newly_missing = [(row.session, row.kind) for row in missing if row.missing_since is None]
        self._set_missing_since(history.ticker, newly_missing, seen_at)
        withdrawn = {
            (row.session, row.kind): NEUTRAL[row.kind]
            for row in missing
            if row.missing_since and seen_at - row.missing_since >= WITHDRAWN_AFTER
        }
        self._write(history.ticker, withdrawn, seen_at)

    def _select(self, ticker: str, until: date | None = None) -> list[sa.Row[Any]]:
        query = sa.select(corporate_actions).where(self._is_of(corporate_actions, ticker, until))
        return list(self._connection.execute(query))

    def _set_missing_since(self, ticker: str, keys: Iterable[ActionKey], since: datetime | None) -> None:
        columns = corporate_actions.c
        for session, kind in keys:
            is_action = self._is_of(corporate_actions, ticker)
            is_action &= (columns.session == session) & (columns.kind == kind)
            self._connection.execute(
                sa.update(corporate_actions).where(is_action).values(missing_since=since)
            )

    def _write(self, ticker: str, values: Mapping[ActionKey, float], seen_at: datetime) -> None:
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
        upsert(self._connection, corporate_actions, rows, guarded=("value",))


def _agrees(stored: sa.Row[Any] | None, value: float) -> bool:
    return stored is not None and abs(stored.value - value) <= ACTION_RTOL * abs(value)


def _read_actions(actions: pd.DataFrame) -> dict[ActionKey, float]:
    return {
        (session.date(), kind): float(value)
        for kind in ACTION_COLUMNS
        for session, value in actions[kind].items()
        if value != NEUTRAL[kind]
    }
