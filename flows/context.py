"""Wiring: which tickers, which source, which session, which store."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from db.engine import Engine, open_engine
from db.migrate import require_current
from flows.settings import Settings, load_settings
from flows.sources import PriceSource, open_source
from forecasting.calendars.sessions import calendar_name, last_closed_session, session_on_or_before
from forecasting.errors import UnknownExchangeError, UsageError


@dataclass(frozen=True)
class Job:
    """What one run works on.

    Attributes:
        settings: How bandcast is set up.
        source: Where prices come from.
        tickers: What is forecast.
        instant: When the run was due (UTC); a bar counts when its session had closed by then.
        as_of: The latest session to forecast from.
        kind: `live` in the run's own session, `backfill` in one that was missed; kept with the bands.
    """

    settings: Settings
    source: PriceSource
    tickers: tuple[str, ...]
    instant: datetime
    as_of: date
    kind: Literal["live", "backfill"] = "live"

    def at(self, session: date) -> "Job":
        """The same work for a session that was missed."""
        return replace(self, as_of=session, kind="backfill")

    @property
    def train_tickers(self) -> tuple[str, ...]:
        """The training universe."""
        return self.settings.train_tickers or self.tickers

    @property
    def live(self) -> bool:
        """True if the source follows the clock; files do not."""
        return self.source.live

    @property
    def history_start(self) -> date | None:
        """First day to pull, None for everything."""
        return self.as_of - timedelta(days=self.settings.history_days) if self.live else None

    def session_of(self, ticker: str) -> date:
        """The last session of the ticker's own exchange that counts in this run."""
        calendar = calendar_name(ticker)
        session = session_on_or_before(calendar, self.as_of)
        return min(session, _last_closed(ticker, self.instant, self.settings)) if self.live else session


def open_job(instant: datetime, as_of: date | None = None, **overrides: Any) -> Job:
    """Settle what a run works on, before anything is pulled or written.

    Args:
        instant: When the run was due (UTC).
        as_of: The session to forecast from; None for the last one that counts.
        **overrides: Settings given by the caller; None leaves the environment's word.

    Raises:
        UsageError: No tickers, or an `as_of` that no bar can exist for.
        SourceError: The source cannot be used.
        StoreError: The store cannot be used.
    """
    settings = load_settings(**overrides)
    source = open_source(settings)
    tickers = settings.tickers or source.tickers()
    if not tickers:
        raise UsageError(
            "Expected tickers to forecast, found none; give --tickers AAPL,MSFT or set BANDCAST_TICKERS."
        )
    newest = newest_session(source, tickers, instant, settings)
    if as_of is not None and as_of > newest:
        raise UsageError(
            f"Expected as_of at {newest} (the last session with prices) or before, found {as_of}."
        )
    store(settings.url)  # a store that is out of reach or date is told now, not by each task
    return Job(settings, source, tickers, instant, as_of or newest)


def newest_session(
    source: PriceSource, tickers: tuple[str, ...], instant: datetime, settings: Settings
) -> date:
    """The last session that prices can exist for: of the files, or the last one closed by then."""
    return source.last_session(tickers) or newest_closed(tickers, instant, settings)


@lru_cache
def store(url: str) -> Engine:
    """The store behind a URL, its schema checked once in this process.

    Raises:
        DatabaseUnreachableError: It does not answer.
        MigrationBehindError: Its schema is of another release.
    """
    engine = open_engine(url)
    require_current(engine)
    return engine


def unique(tickers: Iterable[str]) -> tuple[str, ...]:
    """The tickers without repetition, in order."""
    return tuple(dict.fromkeys(tickers))


def newest_closed(tickers: Iterable[str], instant: datetime, settings: Settings) -> date:
    """The newest closed session of any exchange; a symbol of none is quarantined later, by name.

    Raises:
        UsageError: No ticker is of a known exchange.
    """
    closed = []
    for ticker in tickers:
        with suppress(UnknownExchangeError):
            closed.append(_last_closed(ticker, instant, settings))
    if not closed:
        raise UsageError("Expected a ticker of a known exchange, found none; BRK.B is written BRK-B.")
    return max(closed)


def _last_closed(ticker: str, instant: datetime, settings: Settings) -> date:
    return last_closed_session(
        calendar_name(ticker), instant, timedelta(minutes=settings.provider_lag_minutes)
    )
