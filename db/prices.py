"""As-traded bars and dated actions of one price source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from db.schema import corporate_actions, instruments, price_bars, price_revisions
from db.upsert import Row, insert, plain_rows, upsert
from forecasting.prices import ACTION_COLUMNS, BAR_COLUMNS, PriceHistory
from forecasting.restatement import diff_bars

_NEUTRAL = {"split": 1.0, "dividend": 0.0}


@dataclass(frozen=True)
class StoreReport:
    """How many pulled bars were new, restated or the same as stored."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


class PriceRepository:
    """The stored prices of one source.

    Args:
        conn: From `db.engine.reading` or, to store, `db.engine.writing`.
        source: Name of the source, such as `yahoo`.
    """

    def __init__(self, conn: sa.Connection, source: str) -> None:
        self._conn = conn
        self._source = source

    def tickers(self) -> list[str]:
        """Every ticker with prices, sorted."""
        query = sa.select(instruments.c.ticker).where(instruments.c.source == self._source)
        return list(self._conn.scalars(query.order_by(instruments.c.ticker)))

    def load(self, ticker: str, until: date | None = None) -> PriceHistory:
        """The history of a ticker up to and with a session; empty where there is none."""
        return PriceHistory(ticker, self._bars(ticker, until), self._actions(ticker, until))

    def store(
        self,
        history: PriceHistory,
        seen_at: datetime,
        reason: str = "correction",
        calendar: str | None = None,
    ) -> StoreReport:
        """Store a pull; nothing is written where it says nothing new.

        A restated bar goes to `price_revisions` before it is updated. A stored action inside the span of the
        pulled bars that the pull lacks is withdrawn: it stays, with a value that does nothing.

        Args:
            history: Bars of finished sessions, with every action of their span.
            seen_at: When it was pulled (UTC).
            reason: Why stored bars may differ.
            calendar: Exchange calendar code, kept for the ticker where given.

        Raises:
            StoreError: A value is infinite.
        """
        if history.bars.empty:
            return StoreReport()
        diff = diff_bars(self._bars(history.ticker), history.bars)
        self._know(history.ticker, seen_at, calendar)
        self._revise(history.ticker, diff.restated.index, seen_at, reason)
        rows = self._rows(history.ticker, pd.concat([diff.new, diff.restated]), seen_at)
        upsert(self._conn, price_bars, rows, guarded=BAR_COLUMNS)
        self._store_actions(history, seen_at)
        return StoreReport(len(diff.new), len(diff.restated), diff.unchanged)

    def _of(self, table: sa.Table, ticker: str, until: date | None = None) -> sa.ColumnElement[bool]:
        one = (table.c.source == self._source) & (table.c.ticker == ticker)
        return one if until is None else one & (table.c.session <= until)

    def _bars(self, ticker: str, until: date | None = None) -> pd.DataFrame:
        columns = [price_bars.c[name] for name in ("session", *BAR_COLUMNS)]
        query = sa.select(*columns).where(self._of(price_bars, ticker, until)).order_by(price_bars.c.session)
        return _frame(self._conn.execute(query).all(), ("session", *BAR_COLUMNS))

    def _actions(self, ticker: str, until: date | None = None) -> pd.DataFrame:
        actions = corporate_actions.c
        query = sa.select(actions.session, actions.kind, actions.value)
        days: dict[date, dict[str, float]] = {}
        for session, kind, value in self._conn.execute(
            query.where(self._of(corporate_actions, ticker, until))
        ):
            if value != _NEUTRAL[kind]:
                days.setdefault(session, dict(_NEUTRAL))[kind] = value
        rows = [(session, *(days[session][kind] for kind in ACTION_COLUMNS)) for session in sorted(days)]
        return _frame(rows, ("session", *ACTION_COLUMNS))

    def _know(self, ticker: str, seen_at: datetime, calendar: str | None) -> None:
        row: Row = {"ticker": ticker, "source": self._source, "calendar": calendar, "first_seen_at": seen_at}
        upsert(self._conn, instruments, [row], guarded=())
        if calendar is not None:
            mine = (instruments.c.ticker == ticker) & (instruments.c.source == self._source)
            other = instruments.c.calendar.is_distinct_from(calendar)
            self._conn.execute(sa.update(instruments).where(mine & other).values(calendar=calendar))

    def _revise(self, ticker: str, sessions: pd.DatetimeIndex, seen_at: datetime, reason: str) -> None:
        if sessions.empty:
            return
        restated = set(sessions.date)
        query = sa.select(price_bars).where(self._of(price_bars, ticker))
        old = [row for row in self._conn.execute(query).mappings() if row["session"] in restated]
        insert(
            self._conn, price_revisions, [{**row, "replaced_at": seen_at, "reason": reason} for row in old]
        )

    def _rows(self, ticker: str, bars: pd.DataFrame, seen_at: datetime) -> list[Row]:
        common: Row = {"source": self._source, "ticker": ticker, "first_seen_at": seen_at}
        frame = bars[list(BAR_COLUMNS)].rename_axis("session").reset_index()
        return plain_rows({**common, **row} for row in frame.to_dict("records"))

    def _store_actions(self, history: PriceHistory, seen_at: datetime) -> None:
        span = slice(history.bars.index[0], history.bars.index[-1])
        stored = _long(self._actions(history.ticker).loc[span])
        pulled = _long(history.actions)
        withdrawn = {key: _NEUTRAL[key[1]] for key in stored.keys() - pulled.keys()}
        rows: list[Row] = [
            {
                "source": self._source,
                "ticker": history.ticker,
                "session": session,
                "kind": kind,
                "value": value,
                "first_seen_at": seen_at,
            }
            for (session, kind), value in {**pulled, **withdrawn}.items()
        ]
        upsert(self._conn, corporate_actions, rows, guarded=("value",))


def _long(actions: pd.DataFrame) -> dict[tuple[date, str], float]:
    return {
        (session.date(), kind): float(value)
        for kind in ACTION_COLUMNS
        for session, value in actions[kind].items()
        if value != _NEUTRAL[kind]
    }


def _frame(rows: Sequence[Sequence[object]], columns: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns))
    sessions = pd.DatetimeIndex(pd.to_datetime(frame.pop("session")), name="session")
    return frame.set_index(sessions).astype("float64")
