"""Yahoo Finance through yfinance: one request a ticker, faults classified, prices as traded."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flows.settings import Settings
from flows.sources.base import PriceSource, build_history, check_symbol, require_begun, undo_checked_splits
from flows.sources.registry import register
from flows.sources.yahoo.chart import ANSWERS, CHART_PAGES, DAILY, Chart, read_chart
from forecasting.calendars.listed_reports import LISTS
from forecasting.calendars.reports import Report
from forecasting.calendars.sessions import Calendar
from forecasting.errors import CalendarError, PriceError, RateLimitedError, UnknownTickerError, VendorError
from forecasting.faults import concerns_machine
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.types import ReportOrigin

if TYPE_CHECKING:
    import yfinance

    from flows.sources.yahoo.session import YahooSession

WHERE = "Yahoo Finance"
EARLIEST = date(1970, 1, 1)
TURN_SECONDS = 60

# yfinance keeps one session, one crumb and one response cache a process, and warning filters are a process's
# too. One request at a time is also the pace that Yahoo tolerates.
_turn = threading.Lock()


class YahooSource(PriceSource):
    """Live daily prices.

    Args:
        base_url: Server to use instead of Yahoo's hosts, as `http://127.0.0.1:8000`.
        cache_dir: Folder for yfinance's time zones and pickled cookies, made private (0700). The first one
            used in a process stays; None leaves yfinance's own.
        per_second: Limit of requests a second.
    """

    name = "yahoo"
    live = True
    report_lists = LISTS

    def __init__(
        self, base_url: str | None = None, cache_dir: Path | None = None, per_second: float = 4.0
    ) -> None:
        self.base_url = base_url
        self.cache_dir = cache_dir
        self.per_second = per_second

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        """Fetch the as-traded bars of one ticker; retry a `VendorError`, and only that."""
        check_symbol(ticker, WHERE)
        with _one_at_a_time(ticker):
            frame, chart = self._download(ticker, start or EARLIEST)
        bars, actions = undo_adjustments(ticker, frame, chart)
        require_begun(ticker, bars.dropna(subset=["close"]), end)
        final = select_final_bars(bars, end)
        history = build_history(ticker, final, actions, start=start, end=end, where=WHERE)
        return replace(history, facts=chart.facts)

    def fetch_reports(self, ticker: str, origin: ReportOrigin, calendar: Calendar) -> tuple[Report, ...]:
        """Fetch one of Yahoo's two lists of earnings dates; retry a `VendorError`, and only that."""
        from flows.sources.yahoo.reports import REPORT_PAGES, read_list

        check_symbol(ticker, WHERE)
        with _one_at_a_time(ticker), self._open_ticker(ticker, REPORT_PAGES) as (client, session):
            return read_list(client, session, origin, calendar=calendar)

    def _download(self, ticker: str, start: date) -> tuple[pd.DataFrame, Chart]:
        with self._open_ticker(ticker, CHART_PAGES) as (client, session):
            # Open-ended although `end` is known: Yahoo's prices are adjusted for every split up to today,
            # and a split after `end` can only be undone if the download contains it.
            frame = client.history(start=start, auto_adjust=False, actions=True)
            return frame, _read_answer(ticker, session)

    @contextmanager
    def _open_ticker(
        self, ticker: str, pages: tuple[str, ...]
    ) -> Iterator[tuple["yfinance.Ticker", "YahooSession"]]:
        """Yield yfinance's ticker and its session; translate what fails inside."""
        import yfinance
        from yfinance.data import YfData

        session = self._open_session(pages)
        yfinance.config.debug.hide_exceptions = False  # or an outage looks like a delisting
        # What it logs is raised, too, or is no error: a share without earnings dates "may be delisted".
        logging.getLogger("yfinance").setLevel(logging.CRITICAL)
        YfData.cache_get.cache_clear()  # a cached bad answer would make every retry fail without a request
        try:
            yield yfinance.Ticker(ticker, session=session), session
        except (PriceError, CalendarError):
            raise
        except Exception as error:
            if concerns_machine(error):
                raise
            raise translate_error(ticker, error, session) from error

    def _open_session(self, pages: tuple[str, ...]) -> "YahooSession":
        from flows.sources.yahoo.session import open_session, use_cache_dir

        if self.cache_dir is not None:
            use_cache_dir(self.cache_dir)
        session = open_session(self.base_url, self.per_second)
        session.begin(pages)
        return session


@register("yahoo")
def open_yahoo(settings: Settings, now: datetime) -> PriceSource:  # noqa: ARG001  # it follows the clock
    """Open Yahoo, or the configured stand-in for its servers."""
    cache_dir = settings.home.absolute() / "yahoo-cache"
    return YahooSource(settings.yahoo_url, cache_dir, settings.requests_per_second)


@contextmanager
def _one_at_a_time(ticker: str) -> Iterator[None]:
    if not _turn.acquire(timeout=TURN_SECONDS):
        raise VendorError(ticker, "an earlier request that still hangs")
    try:
        with warnings.catch_warnings():
            import yfinance  # noqa: F401 (its import puts a warning filter in front, so ours must come after)

            # yfinance 1.7 still calls what pandas 3 has deprecated; nothing a user could act on.
            warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
            yield
    finally:
        _turn.release()


def _read_answer(ticker: str, session: "YahooSession") -> Chart:
    """Read the answer that the frame was made from, and check that it answers the request.

    Raises:
        VendorError: It is of another symbol, or not daily, or there is none.
    """
    if session.answer is None:
        raise VendorError(ticker, "no answer to a price request")
    chart = read_chart(session.answer.content)
    if chart.symbol is not None and chart.symbol.upper() != ticker:
        raise VendorError(ticker, f"prices of {chart.symbol}")
    if chart.granularity not in (None, "", DAILY):
        raise VendorError(ticker, f"bars of {chart.granularity}")
    if chart.last_row is None:
        raise VendorError(ticker, "an answer without any row")
    return chart


def undo_adjustments(ticker: str, frame: pd.DataFrame, chart: Chart) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return bars and actions as traded.

    Args:
        ticker: The symbol.
        frame: From `Ticker.history(auto_adjust=False)`.
        chart: The answer that it was made from. Its actions count, not the frame's: where the bar of an
            ex-date is missing, yfinance moves the action to the day before. A split after the newest row is
            announced and not yet in the prices. A volume of `null` is unknown, not 0.

    Raises:
        BadBarsError: A number is too large, or an impossible split ratio.
    """
    days = frame.rename(columns=str.lower)
    # The wall date of the exchange; through UTC, exchanges east of Greenwich would move to the day before.
    days.index = pd.DatetimeIndex(frame.index).tz_localize(None).normalize()
    days["volume"] = days["volume"].mask(days.index.isin(chart.unknown_volume))
    in_effect = chart.actions[chart.actions.index <= pd.Timestamp(chart.last_row)]
    return undo_checked_splits(ticker, as_bars(days), in_effect)


def select_final_bars(bars: pd.DataFrame, end: date) -> pd.DataFrame:
    """Select the bars up to `end` that are final.

    Left out are rows without a close (a dividend announced ahead of its session; Yahoo blanks a finished
    session until the next open, and now and then an old one), and a last row that repeats the one before it
    to the last digit of its volume: nothing was traded that day yet.
    """
    bars = bars[bars.index <= pd.Timestamp(end)].dropna(subset=["close"])
    return bars.iloc[:-1] if len(bars) > 1 and _repeats(bars.iloc[-1], bars.iloc[-2]) else bars


def _repeats(last: pd.Series, before: pd.Series) -> bool:
    moved = last["volume"] > 0 or last["high"] > last["low"]
    return bool(moved and last.equals(before.rename(last.name)))


def translate_error(ticker: str, error: Exception, session: "YahooSession") -> PriceError:
    """Translate what yfinance or its transport has raised into an error of bandcast, by the last answer."""
    from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

    status = None if session.answer is None else session.answer.status_code
    if isinstance(error, YFRateLimitError) or status == 429:
        return RateLimitedError(ticker)
    if status is not None and status not in ANSWERS:
        return VendorError(ticker, f"HTTP status {status}")
    missing = isinstance(error, YFPricesMissingError | YFTzMissingError) or status == 404
    if missing and _names_the_symbol(session):
        return UnknownTickerError(ticker, WHERE)
    return VendorError(ticker, f"{type(error).__name__} ({str(error)[:200]})")


def _names_the_symbol(session: "YahooSession") -> bool:
    """Return True if Yahoo answers that it has no such prices; an empty answer is about the server."""
    try:
        return session.answer is not None and read_chart(session.answer.content).error is not None
    except (ValueError, AttributeError):
        return False
