"""The protocol of a price source, and the checks that every source makes."""

from datetime import date
from typing import Protocol

import pandas as pd

from forecasting.errors import ShortHistoryError, UnknownTickerError
from forecasting.prices.adjustment import undo_splits
from forecasting.prices.history import PriceHistory, as_actions, as_bars
from forecasting.prices.validation import check_size, keep_possible
from forecasting.text import is_symbol


class PriceSource(Protocol):
    """Daily prices of tickers by symbol, as traded and checked.

    What is defined here is so for a vendor that cannot be listed, whose prices follow the clock.
    """

    @property
    def name(self) -> str:
        """Kind of the source, under which its prices are stored."""

    @property
    def live(self) -> bool:
        """True if prices follow the clock, so that the exchange calendar decides on the last session."""

    def tickers(self) -> tuple[str, ...]:
        """Return every symbol of the source; empty where it cannot be listed."""
        return ()

    def ignored_files(self) -> tuple[str, ...]:
        """Return the names of files that look like prices and are not read; empty without a folder."""
        return ()

    def last_session(self, tickers: tuple[str, ...]) -> date | None:  # noqa: ARG002  # of a source with an end
        """Return the newest session with prices over `tickers`; None for a live source."""
        return None

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        """Fetch as-traded bars and actions from `start` (None: the first) to `end`, both included.

        Raises:
            PriceError: The ticker has no usable prices; the subclass names the reason.
        """


def check_symbol(ticker: str, where: str) -> None:
    """Raise unless the ticker is a symbol: it becomes part of a file name or of an address.

    Raises:
        UnknownTickerError: It is not.
    """
    if not is_symbol(ticker):
        raise UnknownTickerError(ticker, where)


def undo_checked_splits(
    ticker: str, bars: pd.DataFrame, actions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return bars and actions as traded, once it is sure that nothing overflows on the way.

    Raises:
        BadBarsError: A number is too large, or an impossible split ratio.
    """
    check_size(ticker, bars, actions)
    return undo_splits(bars, actions)


def build_history(
    ticker: str, bars: pd.DataFrame, actions: pd.DataFrame, *, start: date | None, end: date, where: str
) -> PriceHistory:
    """Build a checked history of the bars and actions from `start` to `end`, both included.

    History up to an impossible bar of long ago is left out, with a note.

    Raises:
        UnknownTickerError: There is no bar.
        ShortHistoryError: The first bar is later than `end`.
        BadBarsError: A bar or an action is impossible.
    """
    require_begun(ticker, bars, end)
    history = PriceHistory(ticker, _cut(as_bars(bars), start, end), _cut(as_actions(actions), start, end))
    return keep_possible(history, f"{where} up to {end}")


def require_begun(ticker: str, bars: pd.DataFrame, end: date) -> None:
    """Check that prices begin before a run's session is over, if there are any.

    Raises:
        ShortHistoryError: They begin later.
    """
    if not bars.empty and (first := bars.index.min().date()) > end:
        raise ShortHistoryError(ticker, found=0, needed=1, begins=first)


def _cut(frame: pd.DataFrame, start: date | None, end: date) -> pd.DataFrame:
    # Masks, not slices: a slice of unsorted sessions is a KeyError, and they are to be reported by name.
    wanted = frame.index <= pd.Timestamp(end)
    if start is not None:
        wanted &= frame.index >= pd.Timestamp(start)
    return frame[wanted]
