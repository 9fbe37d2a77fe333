"""Repository of as-traded bars, of their revisions and of instrument facts."""

from collections.abc import Collection
from dataclasses import asdict, fields
from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from db.records import Holding, SavedBars
from db.repositories.actions import ActionRepository
from db.repositories.base import Repository
from db.repositories.paths import PathRepository
from db.schema import instruments, price_bars, price_revisions
from db.sql import Row, insert, read_frame, select_tickers, to_plain_rows, upsert
from forecasting.errors import CutFileError
from forecasting.faults import attribute_to_ticker
from forecasting.prices.history import BAR_COLUMNS, InstrumentFacts, PriceHistory
from forecasting.prices.revisions import diff_bars
from forecasting.prices.scale import Dispute

REVISION_REASON = "correction"
LARGEST_WITHDRAWAL = 60  # bars that a file may lose at once, whatever share of the stored ones they are
WITHDRAWN, FORGOTTEN = "withdrawn", "forgotten"  # by the owner of a file, or by `bandcast prices forget`


class PriceRepository(Repository):
    """Stored prices."""

    def list_sources(self) -> list[str]:
        """List every source that the database holds prices of, sorted."""
        query = sa.select(instruments.c.source).distinct().order_by(instruments.c.source)
        return list(self._connection.scalars(query))

    def load(self, ticker: str, until: date | None = None, since: date = date.min) -> PriceHistory:
        """Load the history of a ticker; it is empty where nothing is stored.

        Args:
            ticker: The symbol.
            until: Last session; None for the last stored one.
            since: First session.

        Raises:
            UnexpectedError: A stored value is none that its column can hold.
        """
        with attribute_to_ticker(ticker, passing=(sa.exc.SQLAlchemyError,)):
            actions = ActionRepository(self._connection, self._source).load(ticker, until, since)
            bars = self._load_bars(ticker, until, since)
            return PriceHistory(ticker, bars, actions, self.load_facts(ticker))

    def list_holdings(self) -> list[Holding]:
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

    def load_spans(self) -> dict[str, tuple[date, date]]:
        """Load ticker -> first and last session with a bar; two looks into the key, however many bars."""
        known, columns = select_tickers(price_bars, self._source).subquery(), price_bars.c
        is_of = (columns.source == self._source) & (columns.ticker == known.c.ticker)
        first, last = (
            sa.select(end(columns.session)).where(is_of).correlate(known).scalar_subquery()
            for end in (sa.func.min, sa.func.max)
        )
        query = sa.select(known.c.ticker, first, last).order_by(known.c.ticker)
        return {ticker: (first, last) for ticker, first, last in self._connection.execute(query)}

    def load_revisions(self, ticker: str) -> pd.DataFrame:
        """Load the earlier values of revised bars, with when and why they were replaced; newest first."""
        columns = price_revisions.c
        query = sa.select(price_revisions).where(self._is_of(price_revisions, ticker))
        newest_first = query.order_by(columns.replaced_at.desc(), columns.session.desc())
        return read_frame(self._connection, newest_first).drop(columns=["source", "ticker"])

    def list_disputes(self, ticker: str, now: datetime) -> list[Dispute]:
        """List the splits of a ticker on which the source's own list counts by now."""
        return ActionRepository(self._connection, self._source).list_disputes(ticker, now)

    def save(
        self,
        history: PriceHistory,
        seen_at: datetime,
        calendar: str | None = None,
        *,
        download: PriceHistory | None = None,
    ) -> SavedBars:
        """Store a download; nothing is written where all of it is stored already.

        A revised bar goes to `price_revisions` before it is updated. A stored bar that the download lacks is
        kept, and so is, for a week, an action. Path outcomes that were measured without a bar that comes late
        go, to be measured again.

        Args:
            history: Bars of finished sessions, with every action of their span.
            seen_at: When it was downloaded (UTC).
            calendar: Exchange calendar code, kept for the ticker where given.
            download: As the source gave it, where `history` is a reading of it. What it lacks is missing.

        Raises:
            StoreError: A value is infinite.
        """
        if history.bars.empty:
            return SavedBars()
        stored = self._load_bars(history.ticker)
        diff = diff_bars(stored, history.bars, history.actions["split"])
        self._save_instrument(history, seen_at, calendar)
        self._save_revisions(history.ticker, diff.restated.index.date, REVISION_REASON, at=seen_at)
        bars = pd.concat([diff.new, diff.restated])
        upsert(
            self._connection, price_bars, self._build_rows(history.ticker, bars, seen_at), guarded=BAR_COLUMNS
        )
        ActionRepository(self._connection, self._source).save(history, seen_at, download=download)
        late = diff.new.index[diff.new.index < stored.index.max()]
        PathRepository(self._connection, self._source).forget(history.ticker, late.date)
        vanished = tuple(diff.vanished.date)
        return SavedBars(len(diff.new), len(diff.restated), diff.unchanged, vanished)

    def withdraw_deleted(self, history: PriceHistory, withdrawn_at: datetime) -> list[date]:
        """Move the stored bars that the owner's file has no longer to the revisions; return their sessions.

        Args:
            history: With the sessions of the file; a vendor's withdraws nothing.
            withdrawn_at: When the file was read (UTC).

        Raises:
            CutFileError: The file lacks most of what is stored; nothing is moved.
        """
        if history.owned is None:
            return []
        stored = self._load_bars(history.ticker).index
        gone = [session.date() for session in stored.difference(history.owned)]
        if len(gone) > max(LARGEST_WITHDRAWAL, len(stored) / 2):
            raise CutFileError(history.ticker, len(stored) - len(gone), len(stored))
        self._set_aside(history.ticker, gone, WITHDRAWN, at=withdrawn_at)
        return gone

    def set_aside(
        self, ticker: str, start: date | None, end: date | None, *, reason: str, at: datetime
    ) -> list[date]:
        """Move a ticker's bars to the revisions and withdraw its actions; return the sessions of the bars.

        Args:
            ticker: The symbol.
            start: First session; None for the first stored one.
            end: Last session; None for the last stored one.
            reason: Word for the revisions.
            at: When (UTC).
        """
        chosen = self.list_sessions(ticker, start, end)
        self._set_aside(ticker, chosen, reason, at=at)
        actions = ActionRepository(self._connection, self._source)
        actions.withdraw(ticker, start or date.min, end or date.max, at=at)
        if not self.list_sessions(ticker):
            facts = dict.fromkeys(asdict(InstrumentFacts()))
            is_ticker = self._is_of(instruments, ticker)
            self._connection.execute(sa.update(instruments).where(is_ticker).values(**facts))
        return chosen

    def find_last_withdrawal(self, until: date) -> datetime | None:
        """Load when a bar up to a session was last withdrawn or forgotten (UTC); None where none was."""
        columns = price_revisions.c
        is_withdrawn = (columns.source == self._source) & columns.reason.in_((WITHDRAWN, FORGOTTEN))
        query = sa.select(columns.replaced_at).where(is_withdrawn & (columns.session <= until))
        return self._connection.scalar(query.order_by(columns.replaced_at.desc()).limit(1))

    def list_sessions(self, ticker: str, start: date | None = None, end: date | None = None) -> list[date]:
        """List the sessions with a bar of a ticker, both ends included; None is the first or last stored."""
        columns = price_bars.c
        is_within = columns.session.between(start or date.min, end or date.max)
        query = sa.select(columns.session).where(self._is_of(price_bars, ticker) & is_within)
        return list(self._connection.scalars(query.order_by(columns.session)))

    def load_sessions(self, calendar: str, first: date, last: date) -> dict[str, set[date]]:
        """Load the sessions with a bar of every ticker of an exchange calendar, both ends included."""
        columns, instrument = price_bars.c, instruments.c
        of_calendar = (instrument.source == self._source) & (instrument.calendar == calendar)
        # Not a join: SQLite would read every bar.
        is_ticker = columns.ticker.in_(sa.select(instrument.ticker).where(of_calendar))
        is_wanted = (columns.source == self._source) & is_ticker & columns.session.between(first, last)
        found: dict[str, set[date]] = {}
        for ticker, session in self._connection.execute(
            sa.select(columns.ticker, columns.session).where(is_wanted)
        ):
            found.setdefault(ticker, set()).add(session)
        return found

    def load_zones(self) -> dict[str, str | None]:
        """Load the time zone of every ticker, as its source reports it."""
        columns = instruments.c
        query = sa.select(columns.ticker, columns.zone).where(columns.source == self._source)
        return dict(self._connection.execute(query).tuples().all())

    def _load_bars(self, ticker: str, until: date | None = None, since: date = date.min) -> pd.DataFrame:
        columns = [price_bars.c[name] for name in ("session", *BAR_COLUMNS)]
        is_wanted = self._is_of(price_bars, ticker, until) & (price_bars.c.session >= since)
        query = sa.select(*columns).where(is_wanted)
        bars = read_frame(self._connection, query.order_by(price_bars.c.session))
        sessions = pd.DatetimeIndex(pd.to_datetime(bars.pop("session")), name="session").as_unit("s")
        return bars.set_index(sessions).astype("float64")

    def load_facts(self, ticker: str) -> InstrumentFacts:
        """Load the facts of a ticker; none of them is known where nothing is stored."""
        columns = instruments.c
        query = sa.select(*(columns[fact.name] for fact in fields(InstrumentFacts)))
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

    def _set_aside(self, ticker: str, sessions: Collection[date], reason: str, *, at: datetime) -> None:
        self._save_revisions(ticker, sessions, reason, at=at)
        is_ticker = self._is_of(price_bars, ticker)
        is_chosen = price_bars.c.session == sa.bindparam("gone")
        if sessions:
            query = sa.delete(price_bars).where(is_ticker & is_chosen)
            self._connection.execute(query, [{"gone": session} for session in sessions])

    def _save_revisions(self, ticker: str, sessions: Collection[date], reason: str, *, at: datetime) -> None:
        revised = set(sessions)
        if not revised:
            return
        query = sa.select(price_bars).where(self._is_of(price_bars, ticker))
        stored = [row for row in self._connection.execute(query).mappings() if row["session"] in revised]
        note = {"replaced_at": at, "reason": reason}
        insert(self._connection, price_revisions, [{**row, **note} for row in stored])

    def _build_rows(self, ticker: str, bars: pd.DataFrame, seen_at: datetime) -> list[Row]:
        common: Row = {"source": self._source, "ticker": ticker, "first_seen_at": seen_at}
        table = bars[list(BAR_COLUMNS)].rename_axis("session").reset_index()
        return to_plain_rows({**common, **row} for row in table.to_dict("records"))
