"""As-traded bars and dated actions of one price source."""

from dataclasses import asdict, dataclass
from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from db.repositories.actions import ActionRepository
from db.schema import instruments, price_bars, price_revisions
from db.sql import Row, frame, insert, plain_rows, upsert
from forecasting.prices.history import BAR_COLUMNS, InstrumentFacts, PriceHistory
from forecasting.prices.revisions import diff_bars


@dataclass(frozen=True)
class StoreReport:
    """What a pull said against the store, in bars and actions.

    Attributes:
        new: Bars of sessions that were not stored.
        changed: Stored bars that the source corrected.
        unchanged: Bars that agree.
        vanished: Stored sessions inside the pull's span that it lacks; they are kept.
        splits: Splits that were new or different.
        dividends: Dividends that were new or different.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    vanished: int = 0
    splits: int = 0
    dividends: int = 0


@dataclass(frozen=True)
class Holding:
    """What the store holds of a ticker, counted.

    Attributes:
        ticker: The symbol.
        first: First session with a bar.
        last: Last session with a bar.
        bars: How many there are.
        revisions: How often a stored bar was corrected.
    """

    ticker: str
    first: date
    last: date
    bars: int
    revisions: int


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

    def sources(self) -> list[str]:
        """Every source that the store holds prices of, sorted."""
        return list(
            self._conn.scalars(sa.select(instruments.c.source).distinct().order_by(instruments.c.source))
        )

    def load(self, ticker: str, until: date | None = None) -> PriceHistory:
        """The history of a ticker up to and with a session; empty where there is none."""
        actions = ActionRepository(self._conn, self._source).load(ticker, until)
        return PriceHistory(ticker, self._bars(ticker, until), actions, self._facts(ticker))

    def holdings(self) -> list[Holding]:
        """Every ticker with bars, sorted."""
        mine, day = price_bars.c.source == self._source, price_bars.c.session
        numbers = (sa.func.min(day), sa.func.max(day), sa.func.count())
        query = sa.select(price_bars.c.ticker, *numbers).where(mine).group_by(price_bars.c.ticker)
        rows = self._conn.execute(query.order_by(price_bars.c.ticker))
        revised = price_revisions.c
        counts = sa.select(revised.ticker, sa.func.count()).where(revised.source == self._source)
        revisions = dict(self._conn.execute(counts.group_by(revised.ticker)).tuples().all())
        return [
            Holding(ticker, first, last, count, revisions.get(ticker, 0))
            for ticker, first, last, count in rows
        ]

    def revisions(self, ticker: str) -> pd.DataFrame:
        """What corrected bars said before, when it was first seen, replaced, and why; the newest first."""
        columns = price_revisions.c
        query = sa.select(price_revisions).where(self._of(price_revisions, ticker))
        newest = query.order_by(columns.replaced_at.desc(), columns.session.desc())
        return frame(self._conn, newest).drop(columns=["source", "ticker"])

    def store(
        self,
        history: PriceHistory,
        seen_at: datetime,
        reason: str = "correction",
        calendar: str | None = None,
    ) -> StoreReport:
        """Store a pull; nothing is written where it says nothing new.

        A restated bar goes to `price_revisions` before it is updated. A stored bar that the pull lacks is
        kept, and so is, for a week, an action.

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
        diff = diff_bars(self._bars(history.ticker), history.bars, history.actions["split"])
        self._know(history, seen_at, calendar)
        self._revise(history.ticker, diff.restated.index, seen_at, reason)
        rows = self._rows(history.ticker, pd.concat([diff.new, diff.restated]), seen_at)
        upsert(self._conn, price_bars, rows, guarded=BAR_COLUMNS)
        actions = ActionRepository(self._conn, self._source).store(history, seen_at)
        return StoreReport(
            new=len(diff.new),
            changed=len(diff.restated),
            unchanged=diff.unchanged,
            vanished=len(diff.vanished),
            splits=actions["split"],
            dividends=actions["dividend"],
        )

    def _of(self, table: sa.Table, ticker: str, until: date | None = None) -> sa.ColumnElement[bool]:
        one = (table.c.source == self._source) & (table.c.ticker == ticker)
        return one if until is None else one & (table.c.session <= until)

    def _bars(self, ticker: str, until: date | None = None) -> pd.DataFrame:
        columns = [price_bars.c[name] for name in ("session", *BAR_COLUMNS)]
        query = sa.select(*columns).where(self._of(price_bars, ticker, until)).order_by(price_bars.c.session)
        bars = frame(self._conn, query)
        sessions = pd.DatetimeIndex(pd.to_datetime(bars.pop("session")), name="session").as_unit("s")
        return bars.set_index(sessions).astype("float64")

    def _facts(self, ticker: str) -> InstrumentFacts:
        columns = instruments.c
        query = sa.select(columns.currency, columns.kind, columns.zone)
        mine = (columns.ticker == ticker) & (columns.source == self._source)
        row = self._conn.execute(query.where(mine)).first()
        return InstrumentFacts() if row is None else InstrumentFacts(*row)

    def _know(self, history: PriceHistory, seen_at: datetime, calendar: str | None) -> None:
        key: Row = {"ticker": history.ticker, "source": self._source}
        upsert(self._conn, instruments, [{**key, "first_seen_at": seen_at}], guarded=())
        told = {"calendar": calendar, **asdict(history.facts)}
        known = {name: value for name, value in told.items() if value is not None}
        if known:
            mine = sa.and_(*(instruments.c[name] == value for name, value in key.items()))
            other = sa.or_(*(instruments.c[name].is_distinct_from(value) for name, value in known.items()))
            self._conn.execute(sa.update(instruments).where(mine & other).values(**known))

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
        table = bars[list(BAR_COLUMNS)].rename_axis("session").reset_index()
        return plain_rows({**common, **row} for row in table.to_dict("records"))
