"""Symbols of tickers, as settings, options and forms take them."""

from collections.abc import Iterable

from forecasting.errors import SymbolError, UsageError
from forecasting.text import is_symbol


def parse_ticker(text: str) -> str:
    """Parse a symbol in either case; settings, options and forms obey the same rule.

    Raises:
        SymbolError: It is no symbol.
    """
    ticker = text.strip().upper()
    if not (text.isascii() and is_symbol(ticker)):  # capitals of other letters may be ASCII
        raise SymbolError(text)
    return ticker


def parse_tickers(texts: Iterable[str]) -> tuple[str, ...]:
    """Parse symbols; leave out empty and repeated ones.

    Raises:
        SymbolError: One is no symbol.
    """
    return tuple(dict.fromkeys(parse_ticker(text) for text in texts if text.strip()))


def split_tickers(text: str) -> tuple[str, ...]:
    """Split a list of symbols at its commas, and parse each.

    Raises:
        SymbolError: One is no symbol.
        UsageError: The list is empty.
    """
    tickers = parse_tickers(text.split(","))
    if not tickers:
        raise UsageError(
            f"Expected symbols with commas between, such as AAPL,MSFT, found none in '{text}'; "
            "name some, or leave the list out for all."
        )
    return tickers
