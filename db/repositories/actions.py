"""Repository of dated splits and dividends.

An action that the source no longer reports is noted as missing first and withdrawn only after some days.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from db.repositories.base import Repository
from db.schema import corporate_actions, price_bars
from db.sql import Row, upsert
from db.types import UtcDateTime
from forecasting.prices.history import ACTION_COLUMNS, PriceHistory, as_actions
from forecasting.prices.scale import Dispute

NEUTRAL = {"split": 1.0, "dividend": 0.0}  # values that do nothing
# A vendor loses an event for a day and finds it again; one that it takes back stays away.
WITHDRAWN_AFTER = timedelta(days=7)
ACTION_RTOL = 1e-3  # a split-adjusted dividend of 0.000982 has lost digits that undoing does not bring back

ActionKey = tuple[date, str]  # ex-date and kind


class ActionRepository(Repository):
    """Stored actions."""

    def load(self, ticker: str, until: date | None = None, since: date = date.min) -> pd.DataFrame:
        """Load actions in the shape of `PriceHistory.actions`."""
        values: dict[date, dict[str, float]] = {}
        for row in self._select(ticker, until):
            if row.session >= since and row.value != NEUTRAL[row.kind]:
                values.setdefault(row.session, dict(NEUTRAL))[row.kind] = row.value
        rows = [[values[session][kind] for kind in ACTION_COLUMNS] for session in sorted(values)]
        index = pd.DatetimeIndex(pd.to_datetime(sorted(values)))
        return as_actions(pd.DataFrame(rows, index, list(ACTION_COLUMNS)))

    def list_disputes(self, ticker: str, now: datetime) -> list[Dispute]:
        """List the splits that were withdrawn, or that the source has not reported for `WITHDRAWN_AFTER`."""
        return [
            Dispute(row.session, recorded=self._is_recorded(ticker, row.session))
            for row in self._select(ticker)
            if row.kind == "split" and (row.value == NEUTRAL["split"] or _is_overdue(row, now))
        ]

    def save(self, history: PriceHistory, seen_at: datetime, *, download: PriceHistory | None = None) -> None:
        """Store the actions of a download, or of a reading of it.

        A stored action within the span of the downloaded bars that the download lacks is noted as missing.
        Once it has been missing for `WITHDRAWN_AFTER`, or at once from an owner's own file, it is withdrawn:
        the row stays, with a neutral value. A split that the prices of a reading contain stays, and
        one that they do not contain is withdrawn at once; if it is new, it is stored as a withdrawn one, to
        be looked at again.

        Args:
            history: Bars and actions to store.
            seen_at: When they were downloaded (UTC).
            download: As the source gave it, where `history` is a reading of it.
        """
        stored = {(row.session, row.kind): row for row in self._select(history.ticker)}
        read, source = _read_actions(history.actions), history if download is None else download
        changed = {key: value for key, value in read.items() if not _agrees(stored.get(key), value)}
        self._write(history.ticker, changed, seen_at)
        reported = _read_actions(source.actions)
        found_again = [key for key in reported if key in stored and stored[key].missing_since]
        self._set_missing_since(history.ticker, found_again, None)
        if source.owned is not None:
            self._withdraw_deleted(source, stored, reported, at=seen_at)
            return
        absent = _find_absent(stored, reported, source)
        newly_missing = [key for key, row in absent.items() if row.missing_since is None]
        self._set_missing_since(history.ticker, newly_missing, seen_at)
        is_reading = download is not None
        withdrawn = {
            key: NEUTRAL[row.kind]
            for key, row in absent.items()
            if key not in read and (_is_overdue(row, seen_at) or (is_reading and row.kind == "split"))
        }
        refused = {key: NEUTRAL[key[1]] for key in reported if key not in read and key not in stored}
        self._write(history.ticker, withdrawn | refused, seen_at)

    def withdraw(self, ticker: str, first: date, last: date, *, at: datetime) -> None:
        """Withdraw every action of a ticker from `first` to `last`, both included."""
        rows = [row for row in self._select(ticker) if first <= row.session <= last]
        self._write(ticker, {(row.session, row.kind): NEUTRAL[row.kind] for row in rows}, at)

    def _withdraw_deleted(
        self,
        source: PriceHistory,
        stored: Mapping[ActionKey, sa.Row[Any]],
        reported: Mapping[ActionKey, float],
        *,
        at: datetime,
    ) -> None:
        """Withdraw what an owner's file reports no longer, and what it has no row of any more."""
        owned = source.bars.index if source.owned is None else source.owned
        deleted = {
            key: row
            for key, row in stored.items()
            if row.value != NEUTRAL[row.kind] and pd.Timestamp(row.session) not in owned
        }
        gone = _find_absent(stored, reported, source) | deleted
        self._write(source.ticker, {key: NEUTRAL[row.kind] for key, row in gone.items()}, at)

    def _is_recorded(self, ticker: str, ex_date: date) -> bool:
        """Return whether a bar before an ex-date was stored before it, as it was traded."""
        columns = price_bars.c
        is_earlier = (
            (columns.source == self._source) & (columns.ticker == ticker) & (columns.session < ex_date)
        )
        first_seen = sa.select(sa.func.min(columns.first_seen_at, type_=UtcDateTime())).where(is_earlier)
        oldest: datetime | None = self._connection.scalar(first_seen)
        return oldest is not None and oldest.date() < ex_date

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


def _find_absent(
    stored: Mapping[ActionKey, sa.Row[Any]], reported: Mapping[ActionKey, float], source: PriceHistory
) -> dict[ActionKey, sa.Row[Any]]:
    """Find the actions in effect that lie in the span of the source's bars and that it does not report."""
    first, last = source.bars.index[0].date(), source.last_session
    return {
        key: row
        for key, row in stored.items()
        if key not in reported and row.value != NEUTRAL[row.kind] and first <= row.session <= last
    }


def _is_overdue(row: sa.Row[Any], now: datetime) -> bool:
    return row.missing_since is not None and now - row.missing_since >= WITHDRAWN_AFTER


def _agrees(stored: sa.Row[Any] | None, value: float) -> bool:
    return stored is not None and abs(stored.value - value) <= ACTION_RTOL * abs(value)


def _read_actions(actions: pd.DataFrame) -> dict[ActionKey, float]:
    return {
        (session.date(), kind): float(value)
        for kind in ACTION_COLUMNS
        for session, value in actions[kind].items()
        if value != NEUTRAL[kind]
    }
