"""Repository of as-traded bars, of their revisions and of instrument facts."""

from dataclasses import asdict
from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from db.records import Holding, SaveReport
from db.repositories.actions import ActionRepository
from db.repositories.base import Repository
from db.schema import instruments, price_bars, price_revisions
from db.sql import Row, insert, read_frame, to_plain_rows, upsert
from forecasting.prices.history import BAR_COLUMNS, InstrumentFacts, PriceHistory
from forecasting.prices.revisions import diff_bars
from forecasting.prices.scale import Dispute

REVISION_REASON = "correction"


class PriceRepository(Repository):
    """Stored prices."""

    def sources(self) -> list[str]:
        """List every source that the database holds prices of, sorted."""
        query = sa.select(instruments.c.source).distinct().order_by(instruments.c.source)
        return list(self._connection.scalars(query))

    def load(self, ticker: str, until: date | None = None) -> PriceHistory:
        """Load the history of a ticker up to and including a session; it is empty where nothing is stored."""
        actions = ActionRepository(self._connection, self._source).load(ticker, until)
        return PriceHistory(ticker, self._load_bars(ticker, until), actions, self._load_facts(ticker))

    def holdings(self) -> list[Holding]:
        """Count the bars and revisions of every ticker with bars, sorted by ticker."""
        session = price_bars.c.session
        numbers = (sa.func.min(session), sa.func.max(session), sa.func.count())
        query = sa.select(price_bars.c.ticker, *numbers).where(price_bars.c.source == self._source)
        rows = self._connection.execute(query.group_by(price_bars.c.ticker).order_by(price_bars.c.ticker))
        revisions = self._count_revisions()
        return [
            Holding(ticker, first, last, count, revisions.get(ticker, 0))
            for ticker, first, last, count in rows
        ]

    def revisions(self, ticker: str) -> pd.DataFrame:
        """Load the earlier values of revised bars, with when and why they were replaced; newest first."""
        columns = price_revisions.c
        query = sa.select(price_revisions).where(self._is_of(price_revisions, ticker))
        newest_first = query.order_by(columns.replaced_at.desc(), columns.session.desc())
        return read_frame(self._connection, newest_first).drop(columns=["source", "ticker"])

    def disputes(self, ticker: str, now: datetime) -> list[Dispute]:
        """List the splits of a ticker on which the source's own list counts by now."""
        return ActionRepository(self._connection, self._source).disputes(ticker, now)

    def save(
        self,
        history: PriceHistory,
        seen_at: datetime,
        calendar: str | None = None,
        *,
        download: PriceHistory | None = None,
    ) -> SaveReport:
        """Store a download; nothing is written where all of it is stored already.

        A revised bar goes to `price_revisions` before it is updated. A stored bar that the download lacks is
        kept, and so is, for a week, an action.

        Args:
            history: Bars of finished sessions, with every action of their span.
            seen_at: When it was downloaded (UTC).
            calendar: Exchange calendar code, kept for the ticker where given.
            download: As the source gave it, where `history` is a reading of it. What it lacks is missing.

        Raises:
            StoreError: A value is infinite.
        """
        if history.bars.empty:
            return SaveReport()
        diff = diff_bars(self._load_bars(history.ticker), history.bars, history.actions["split"])
        self._save_instrument(history, seen_at, calendar)
        self._save_revisions(history.ticker, diff.restated.index, seen_at)
        bars = pd.concat([diff.new, diff.restated])
        upsert(
            self._connection, price_bars, self._build_rows(history.ticker, bars, seen_at), guarded=BAR_COLUMNS
        )
        ActionRepository(self._connection, self._source).save(history, seen_at, download=download)
        return SaveReport(len(diff.new), len(diff.restated), diff.unchanged, len(diff.vanished))

    def _is_of(self, table: sa.Table, ticker: str, until: date | None = None) -> sa.ColumnElement[bool]:
        is_ticker = (table.c.source == self._source) & (table.c.ticker == ticker)
        return is_ticker if until is None else is_ticker & (table.c.session <= until)

    def _load_bars(self, ticker: str, until: date | None = None) -> pd.DataFrame:
        columns = [price_bars.c[name] for name in ("session", *BAR_COLUMNS)]
        query = sa.select(*columns).where(self._is_of(price_bars, ticker, until))
        bars = read_frame(self._connection, query.order_by(price_bars.c.session))
        sessions = pd.DatetimeIndex(pd.to_datetime(bars.pop("session")), name="session").as_unit("s")
        return bars.set_index(sessions).astype("float64")

    def _load_facts(self, ticker: str) -> InstrumentFacts:
        columns = instruments.c
        query = sa.select(columns.currency, columns.kind, columns.zone)
        row = self._connection.execute(query.where(self._is_of(instruments, ticker))).first()
        return InstrumentFacts() if row is None else InstrumentFacts(*row)

    def _count_revisions(self) -> dict[str, int]:
        columns = price_revisions.c
        query = sa.select(columns.ticker, sa.func.count()).where(columns.source == self._source)
        return dict(self._connection.execute(query.group_by(columns.ticker)).tuples().all())

    def _save_instrument(self, history: PriceHistory, seen_at: datetime, calendar: str | None) -> None:
        row: Row = {"ticker": history.ticker, "source": self._source, "first_seen_at": seen_at}
        upsert(self._connection, instruments, [row], guarded=())
        facts = {"calendar": calendar, **asdict(history.facts)}
        given = {name: value for name, value in facts.items() if value is not None}
        if given:
            differs = sa.or_(*(instruments.c[name].is_distinct_from(value) for name, value in given.items()))
            is_ticker = self._is_of(instruments, history.ticker)
            self._connection.execute(sa.update(instruments).where(is_ticker & differs).values(**given))

    def _save_revisions(self, ticker: str, sessions: pd.DatetimeIndex, replaced_at: datetime) -> None:
        if sessions.empty:
            return
        revised = set(sessions.date)
        query = sa.select(price_bars).where(self._is_of(price_bars, ticker))
        stored = [row for row in self._connection.execute(query).mappings() if row["session"] in revised]
        note = {"replaced_at": replaced_at, "reason": REVISION_REASON}
        insert(self._connection, price_revisions, [{**row, **note} for row in stored])

    def _build_rows(self, ticker: str, bars: pd.DataFrame, seen_at: datetime) -> list[Row]:
        common: Row = {"source": self._source, "ticker": ticker, "first_seen_at": seen_at}
        table = bars[list(BAR_COLUMNS)].rename_axis("session").reset_index()
        return to_plain_rows({**common, **row} for row in table.to_dict("records"))
