"""The protocol of a price source and what every source does at its edge."""

import re
from datetime import date
from typing import Protocol

import pandas as pd

from forecasting.errors import UnknownTickerError
from forecasting.prices.history import PriceHistory, as_actions, as_bars
from forecasting.prices.validation import check_bars

SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^]{0,31}")


class PriceSource(Protocol):
    """Daily prices of tickers by symbol, as traded and checked."""

    name: str

    def tickers(self) -> tuple[str, ...]:
        """Every symbol the source holds; empty where it cannot list them."""

    def last_session(self, tickers: tuple[str, ...]) -> date | None:
        """The newest session held over `tickers`; None where prices are live and the calendar decides."""

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        """As-traded bars and actions from `start` (None: the first) to `end`, both included.

        Raises:
            PriceError: The ticker has no usable prices; the subclass names the reason.
        """


def check_symbol(ticker: str, where: str) -> str:
    """The ticker, if it is a symbol at all: it becomes part of a file name or of an address.

    Raises:
        UnknownTickerError: It is not.
    """
    if not SYMBOL.fullmatch(ticker):
        raise UnknownTickerError(ticker, where)
    return ticker


def checked_history(
    ticker: str, bars: pd.DataFrame, actions: pd.DataFrame, within: tuple[date | None, date], where: str
) -> PriceHistory:
    """The part of the bars and actions that lies `within` (start, end), both included, checked.

    Raises:
        UnknownTickerError: No bar lies within.
        BadBarsError: A bar or an action is impossible.
    """
    history = PriceHistory(ticker, _within(as_bars(bars), *within), _within(as_actions(actions), *within))
    check_bars(history, f"{where} up to {within[1]}")
    return history


def _within(frame: pd.DataFrame, start: date | None, end: date) -> pd.DataFrame:
    # Masks, not slices: a slice of unsorted sessions is a KeyError, and they are to be reported by name.
    wanted = frame.index <= pd.Timestamp(end)
    if start is not None:
        wanted &= frame.index >= pd.Timestamp(start)
    return frame[wanted]
