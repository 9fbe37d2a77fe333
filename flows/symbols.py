"""Symbols of tickers, as settings, options and forms take them.

`@FILE` stands for the symbols of a watchlist, and is read at once. `@variable:NAME` stands for those of a
Prefect Variable; it stays as it is until `flows.prefect_variables` reads them.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from flows.paths import expand_path
from forecasting.errors import SymbolError, UsageError
from forecasting.text import is_symbol

FILE_MARK = "@"
VARIABLE_MARK = "@variable:"
_HEADINGS = ("ticker", "symbol", "tickers", "symbols")
_DAY = re.compile(r"(?i)\d{4}([-.]?)\d{2}\1\d{2}|\d{1,2}([-.])(?:\d{1,2}|[a-z]{3})\2\d{2,4}")
_VARIABLE = re.compile(f"{VARIABLE_MARK}[a-z0-9_-]{{1,255}}")  # as Prefect's pages allow


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
    """Parse symbols, each text one or several separated by commas; leave out empty and repeated ones.

    Raises:
        SymbolError: One is no symbol.
        UsageError: A watchlist cannot be read, or the name of a variable is none.
    """
    parts = (part.strip() for text in texts for part in text.split(","))
    return tuple(dict.fromkeys(ticker for part in parts if part for ticker in _expand(part)))


def split_tickers(text: str) -> tuple[str, ...]:
    """Split a list of symbols and watchlists at its commas, and parse each.

    Raises:
        SymbolError: One is no symbol.
        UsageError: The list is empty, or a watchlist cannot be read.
    """
    tickers = parse_tickers([text])
    if not tickers:
        raise UsageError(
            f"Expected symbols separated by commas, such as AAPL,MSFT, found none in '{text}'; "
            "name some, or leave the list out for all."
        )
    return tickers


def make_absolute(text: str) -> str:
    """Return a list of symbols and watchlists with absolute paths, for processes that work elsewhere."""
    parts = [part.strip() for part in text.split(",")]
    return ",".join(
        f"{FILE_MARK}{expand_path(Path(part[1:])).absolute()}" if names_file(part) else part for part in parts
    )


def read_watchlist(path: Path) -> tuple[str, ...]:
    """Read the symbols of a file with a column `ticker`, or with one symbol a line.

    Raises:
        UsageError: It cannot be read, or holds something else; what it holds is not repeated.
    """
    expected = f"Expected a watchlist with a column ticker at {path.absolute()}"
    try:
        cells = list(list_symbol_cells(path.read_text("utf-8-sig")))
    except (OSError, UnicodeError, csv.Error) as error:
        found = getattr(error, "strerror", None) or "no text in UTF-8"
        raise UsageError(f"{expected}, found {found}; correct the path, or run `bandcast init`.") from None
    tickers = []
    for number, cell in enumerate(cells, start=1):
        try:
            tickers.append(parse_entry(cell))
        except SymbolError:
            raise UsageError(f"{expected}, found no symbol in entry {number}; correct it.") from None
    if not tickers:
        raise UsageError(f"{expected}, found no entry; correct it.")
    return tuple(tickers)


def parse_entry(cell: str) -> str:
    """Parse a symbol of a list in a file; a file of prices in its place would be one ticker a day.

    Raises:
        SymbolError: It is no symbol, or a day.
    """
    if _DAY.fullmatch(cell):
        raise SymbolError(cell)
    return parse_ticker(cell)


def list_symbol_cells(text: str) -> Iterator[str]:
    """Yield the texts that stand where symbols should.

    That is the column `ticker` (or `symbol`); without one all cells, if each is a symbol in capitals, else
    the first column.
    """
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines())]
    head = [cell.lower() for cell in rows[0]] if rows else []
    column = next((head.index(name) for name in _HEADINGS if name in head), None)
    if column is None and all(is_symbol(cell) for row in rows for cell in row if cell):
        yield from (cell for row in rows for cell in row if cell)
        return
    for row in rows if column is None else rows[1:]:
        if len(row) > (column or 0) and row[column or 0]:
            yield row[column or 0]


def names_variable(text: str) -> bool:
    """Return whether a text stands for the symbols of a Prefect Variable."""
    return text.startswith(VARIABLE_MARK)


def names_file(text: str) -> bool:
    """Return whether a text stands for the symbols of a watchlist."""
    return text.startswith(FILE_MARK) and not names_variable(text)


def _expand(text: str) -> tuple[str, ...]:
    if names_variable(text):
        if not _VARIABLE.fullmatch(text):
            raise UsageError(
                f"Expected the name of a Prefect Variable after {VARIABLE_MARK}, of small letters, digits, - "
                "and _, found another one; correct it."
            )
        return (text,)
    if text.startswith(FILE_MARK):
        return read_watchlist(expand_path(Path(text[1:])))
    return (parse_ticker(text),)
