"""Yahoo Finance through yfinance: one request a ticker, faults told apart, prices as traded."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flows.sources.base import check_symbol, checked_history
from forecasting.adjustment import PRICE_COLUMNS, undo_splits
from forecasting.errors import PriceError, RateLimitedError, UnknownTickerError, VendorError
from forecasting.prices import PriceHistory, as_actions, as_bars

if TYPE_CHECKING:
    from flows.sources.yahoo_session import YahooSession

WHERE = "Yahoo Finance"
EARLIEST = date(1970, 1, 1)
RENAMED = {"Stock Splits": "split", "Dividends": "dividend"}
ANSWERS = (200, 400, 404)  # statuses with which Yahoo speaks about the symbol, not about itself

# yfinance keeps one session, one crumb and one response cache a process, and warning filters are a process's
# too. One request at a time is also the pace that Yahoo tolerates.
_turn = threading.Lock()


class YahooSource:
    """Live daily prices.

    Args:
        base_url: Server to ask instead of Yahoo's hosts, as `http://127.0.0.1:8000`.
        cache_dir: Folder for yfinance's time zones and pickled cookies, made private (0700). The first one
            used in a process stays; None leaves yfinance's own.
    """

    name = "yahoo"

    def __init__(self, base_url: str | None = None, cache_dir: Path | None = None) -> None:
        self.base_url = base_url
        self.cache_dir = cache_dir

    def tickers(self) -> tuple[str, ...]:
        """Nothing: Yahoo cannot be listed."""
        return ()

    def last_session(self, tickers: tuple[str, ...]) -> date | None:  # noqa: ARG002 (the protocol's)
        """None: prices are live, so the exchange calendar decides."""
        return None

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        """As-traded bars of one ticker; retry a `VendorError`, and only that."""
        check_symbol(ticker, WHERE)
        with _one_at_a_time():
            frame = self._download(ticker, start or EARLIEST)
        bars, actions = as_traded(frame)
        return checked_history(ticker, final_bars(bars, end), actions, (start, end), WHERE)

    def _download(self, ticker: str, start: date) -> pd.DataFrame:
        import yfinance
        from yfinance.data import YfData

        session = self._open_session()
        yfinance.config.debug.hide_exceptions = False  # or an outage looks like a delisting
        YfData.cache_get.cache_clear()  # a cached bad answer would make every retry fail without a request
        try:
            # Open-ended although `end` is known: Yahoo's prices are adjusted for every split up to today,
            # and a split after `end` can only be undone if the download contains it.
            return yfinance.Ticker(ticker, session=session).history(
                start=start, auto_adjust=False, actions=True
            )
        except Exception as error:
            raise translated(ticker, error, session.last_status) from error

    def _open_session(self) -> "YahooSession":
        from flows.sources.yahoo_session import open_session, use_cache_dir

        if self.cache_dir is not None:
            use_cache_dir(self.cache_dir)
        session = open_session(self.base_url)
        session.last_status = None
        return session


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with _turn, warnings.catch_warnings():
        import yfinance  # noqa: F401 (its import puts a warning filter in front, so ours must come after)

        # yfinance 1.7 still calls what pandas 3 has deprecated; nothing a user could act on.
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
        yield


def as_traded(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars and actions as traded from the frame of `Ticker.history(auto_adjust=False)`."""
    days = frame.rename(columns=RENAMED).rename(columns=str.lower)
    # The wall date of the exchange; through UTC, exchanges east of Greenwich would move to the day before.
    days.index = pd.DatetimeIndex(frame.index).tz_localize(None).normalize()
    return undo_splits(as_bars(days), as_actions(days))


def final_bars(bars: pd.DataFrame, end: date) -> pd.DataFrame:
    """Bars up to `end` that are final.

    Left out are rows without any price (a dividend announced ahead of its session) and a last bar whose close
    is NaN: Yahoo blanks a finished session until the next open. Any other NaN close stays, to be refused.
    """
    bars = bars[bars.index <= pd.Timestamp(end)].dropna(how="all", subset=PRICE_COLUMNS)
    unfinished = len(bars) > 0 and bool(pd.isna(bars["close"].iloc[-1]))
    return bars.iloc[:-1] if unfinished else bars


def translated(ticker: str, error: Exception, status: int | None) -> PriceError:
    """The error of ours that a failure of yfinance means.

    Args:
        ticker: The symbol asked for.
        error: What yfinance or its transport raised.
        status: HTTP status of the last answer; None where there was none.
    """
    from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

    if isinstance(error, YFRateLimitError) or status == 429:
        return RateLimitedError(ticker)
    missing = isinstance(error, YFPricesMissingError | YFTzMissingError) or status == 404
    if missing and status in ANSWERS:
        return UnknownTickerError(ticker, WHERE)
    if status is not None and status not in ANSWERS:
        return VendorError(ticker, f"HTTP status {status}")
    return VendorError(ticker, f"{type(error).__name__} ({str(error)[:200]})")
