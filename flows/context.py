"""Context of a run: settings, store, source, tickers and session, resolved once at the edge."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from db import Store, open_store
from flows.prefect_variables import resolve_settings
from flows.settings import Settings
from flows.sources.base import PriceSource
from flows.sources.calendars import list_calendar_changes, read_calendars
from flows.sources.earnings import LiveEarningsSource, date_reports, list_reports
from flows.sources.registry import open_source
from flows.sources.training import TrainingUniverse, choose_training_universe
from forecasting.calendars.lookup import STANDARD, Calendars, place_by_zone
from forecasting.calendars.reports import EarningsDates
from forecasting.calendars.sessions import Calendar, last_closed_session, session_on_or_before
from forecasting.calendars.trading_days import find_session, newest_closed_session
from forecasting.errors import CalendarError, SourceError, UsageError
from forecasting.types import RunKind

NO_LAG = timedelta(0)  # an owner's file is written when the session is over


@dataclass(frozen=True)
class Scope:
    """Subject of a run, before the store is opened.

    Attributes:
        settings: Read once.
        source: Prices.
        tickers: The universe that is forecast.
        as_of: The latest session to forecast from.
        training: Tickers to train on.
    """

    settings: Settings
    source: PriceSource
    tickers: tuple[str, ...]
    as_of: date
    training: TrainingUniverse


@dataclass(frozen=True, kw_only=True)
class RunContext(Scope):
    """Everything that the steps of one run share: its scope, and the following.

    Attributes:
        store: The database, bound to the source of prices.
        now: The clock at the start of the run (UTC); every row that the run writes carries it.
        due: When the run was due (UTC); a bar counts when its session had closed by then.
        calendars: Of the tickers, as they are known now.
        earnings: Ticker -> its earnings dates, as they are known now.
        unread_earnings: Earnings dates that could not be read, a sentence each.
        reissue: True if live bands that now differ get a new edition.
        listed: Configured tickers, where the caller has named others: they stay in the universe.
    """

    store: Store
    now: datetime
    due: datetime
    calendars: Calendars = STANDARD
    earnings: Mapping[str, EarningsDates] = field(default_factory=dict)
    unread_earnings: tuple[str, ...] = ()
    reissue: bool = False
    listed: tuple[str, ...] = ()

    def at(self, session: date, tickers: tuple[str, ...] | None = None) -> "RunContext":
        """Return the context of an earlier session."""
        return replace(self, as_of=session, tickers=tickers or self.tickers)

    @property
    def kind(self) -> RunKind:
        """`backfill` if an exchange of the run had closed a newer session when it was due, else `live`.

        Raises:
            UsageError: No ticker is of an exchange whose sessions are known.
        """
        newest = newest_closed_session(self.tickers, self.due, self.lag, calendars=self.calendars)
        return "live" if self.as_of >= newest else "backfill"

    @property
    def given_calendars(self) -> Calendars:
        """Calendars without the closures found in prices: a bar of such a day undoes its closure."""
        return Calendars(self.calendars.symbols, list_calendar_changes(self.settings))

    @property
    def train_tickers(self) -> tuple[str, ...]:
        """The tickers to train on."""
        return self.training.tickers

    @property
    def lag(self) -> timedelta:
        """Time after the close until a bar counts as final."""
        return timedelta(minutes=self.settings.provider_lag_minutes)

    @property
    def history_start(self) -> date | None:
        """First day to fetch, None for everything."""
        return self.as_of - timedelta(days=self.settings.history_days) if self.source.live else None

    @property
    def learned_since(self) -> date:
        """First session whose forecasts a run scores and learns from; `bandcast verify` scores older ones."""
        return self.as_of - timedelta(days=self.settings.calibration.window_days)

    def find_session(self, ticker: str) -> date:
        """Return the last session of the ticker's own exchange that counts in this run."""
        return self.last_session(self.calendars.of(ticker))

    def last_session(self, calendar: Calendar) -> date:
        """Return the last session of a calendar that counts in this run."""
        session = session_on_or_before(calendar, self.as_of)
        if self.source.live:
            return min(session, last_closed_session(calendar, self.due, self.lag))
        return self._find_last_of_files(calendar, session)

    def _find_last_of_files(self, calendar: Calendar, session: date) -> date:
        """Return the session, or the one before where only other exchanges of the run have closed theirs."""
        with suppress(CalendarError, UsageError):  # files of earlier years may outlive their calendar
            closed = last_closed_session(calendar, self.due, NO_LAG)
            if closed < session:
                return closed if self._newest_closed >= self.as_of else session
        return session

    @cached_property  # over all tickers, needed for each of them
    def _newest_closed(self) -> date:
        return newest_closed_session(self.tickers, self.due, NO_LAG, calendars=self.calendars)


def resolve_scope(
    due: datetime, as_of: date | None = None, *, parameter: str = "as_of", **overrides: Any
) -> Scope:
    """Resolve what a run works on.

    Args:
        due: When the run was due (UTC).
        as_of: Day whose session to forecast from, or the last one before it; None for the last that counts.
        parameter: Name that the caller knows `as_of` by.
        **overrides: Settings given by the caller; None leaves the environment's value.

    Raises:
        UsageError: No tickers, or an `as_of` that no bar can exist for.
        SourceError: The source cannot be used, or a universe kept at a Prefect server cannot be read.
    """
    settings = resolve_settings(**overrides)
    source = open_source(settings, due)
    tickers = settings.tickers or source.tickers()
    if not tickers:
        raise UsageError(
            "Expected tickers to forecast, found none; run `bandcast init`, give --tickers AAPL,MSFT or set "
            "BANDCAST_TICKERS."
        )
    newest = find_newest_session(settings, source, tickers, due=due)
    if as_of is not None and as_of > newest:
        raise UsageError(
            f"Expected {parameter} at {newest} (the last session with prices) or before, found {as_of}."
        )
    calendars = read_calendars(settings)
    training = choose_training_universe(settings, tickers, calendars)
    session = find_session(tickers, as_of or newest, calendars)
    return Scope(settings, source, tickers, session, training)


@contextmanager
def open_context(
    due: datetime,
    as_of: date | None = None,
    *,
    now: datetime | None = None,
    reissue: bool = False,
    parameter: str = "as_of",
    **overrides: Any,
) -> Iterator[RunContext]:
    """Open the context of a run, and check its store once a day; close the store at the end.

    Args:
        due: When the run was due (UTC).
        as_of: The session to forecast from; None for the last one that counts.
        now: The clock; None reads it.
        reissue: Add an edition to live bands that now differ.
        parameter: Name that the caller knows `as_of` by.
        **overrides: Settings given by the caller; None leaves the environment's value.

    Raises:
        UsageError: As `resolve_scope`.
        SourceError: As `resolve_scope`.
        StoreError: The store cannot be used.
    """
    scope = resolve_scope(due, as_of, parameter=parameter, **overrides)
    now = now or datetime.now(UTC)
    with open_store(scope.settings.url, scope.settings.source) as store:
        store.check_daily(now.date())
        save_calendar_settings(store, scope.settings, now)
        tickers = dict.fromkeys((*scope.tickers, *scope.training.tickers))
        earnings, unread = resolve_earnings(store, scope, tuple(tickers), now=now)
        yield RunContext(
            **vars(scope),
            store=store,
            now=now,
            due=due,
            calendars=load_calendars(store, dict(scope.settings.calendars), now),
            earnings=earnings,
            unread_earnings=unread,
            reissue=reissue,
            listed=list_configured(scope, overrides),
        )


def list_configured(scope: Scope, overrides: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tickers that are forecast by default, if a caller has named others; else none."""
    if not overrides.get("tickers"):
        return ()
    with suppress(SourceError, UsageError):  # of a variable that only runs of the whole list need
        return resolve_settings(**{**overrides, "tickers": None}).tickers or scope.source.tickers()
    return ()


def save_calendar_settings(store: Store, settings: Settings, now: datetime) -> None:
    """Keep the closures and openings that are set, for a replay of the run."""
    changes = list_calendar_changes(settings)
    with store.reading() as tx:
        known = tx.calendars.load(now, "setting")
    if known != changes:
        with store.writing() as tx:
            tx.calendars.replace(changes, "setting", now)


def resolve_earnings(
    store: Store, scope: Scope, tickers: tuple[str, ...], *, now: datetime
) -> tuple[dict[str, EarningsDates], tuple[str, ...]]:
    """Return the earnings dates of a run, and a sentence for each fault of reading them.

    Those of a live source are stored, and read anew in its ingest; where others cannot be read, the stored
    ones serve.
    """
    known_ahead = scope.settings.known_ahead
    if known_ahead is not None and isinstance(scope.source, LiveEarningsSource):
        return load_earnings(store, tickers, known_ahead, now=now), ()
    try:
        listed = list_reports(scope.source, known_ahead)
    except SourceError as error:
        return load_earnings(store, tickers, known_ahead, now=now), (f"{error} What is stored serves.",)
    earnings = date_reports(tickers, listed.reports, known_ahead)
    save_earnings_dates(store, earnings, now)
    return earnings, listed.faults


def load_earnings(
    store: Store, tickers: tuple[str, ...], known_ahead: int | None, *, now: datetime
) -> dict[str, EarningsDates]:
    """Load the stored earnings dates of some tickers, as they are known now."""
    with store.reading() as tx:
        return date_reports(tickers, tx.earnings.load(tickers, now), known_ahead)


def save_earnings_dates(store: Store, earnings: Mapping[str, EarningsDates], now: datetime) -> None:
    """Keep the earnings dates of the run for a replay: none if they are switched off.

    Those of a live source are then read anew once they are switched on.
    """
    reports = {ticker: dates.reports for ticker, dates in earnings.items()}
    with store.reading() as tx:
        known = tx.earnings.load_all(reports, now)
    if known != reports:
        with store.writing() as tx:
            tx.earnings.replace(reports, now)
            tx.earnings.delete_checks()


def load_calendars(store: Store, symbols: Mapping[str, str], known_at: datetime) -> Calendars:
    """Load the calendars as they were known at an instant.

    Args:
        store: Of the source.
        symbols: Calendars of symbols that are set; they are not kept in the store.
        known_at: The instant (UTC).
    """
    with store.reading() as tx:
        placed, changes = place_by_zone(tx.prices.load_zones()), tx.calendars.load(known_at)
    return Calendars({**placed, **symbols}, changes)


def find_newest_session(
    settings: Settings, source: PriceSource, tickers: tuple[str, ...], *, due: datetime
) -> date:
    """Return the last session that prices can exist for: of the files, or the last one closed by then."""
    lag = timedelta(minutes=settings.provider_lag_minutes)
    calendars = read_calendars(settings)
    return source.last_session(tickers) or newest_closed_session(tickers, due, lag, calendars=calendars)
