"""Names of columns as people and vendors write them."""

import re
from collections.abc import Sequence

import pandas as pd

from flows.sources.csv_folder.numbers import MISSING
from forecasting.errors import BadBarsError
from forecasting.text import clean_text

# Yahoo, yfinance, Stooq, Alpha Vantage, Nasdaq and Investing; `adj_close` is never read.
SPELLINGS = {
    "date": ("date", "day", "timestamp", "datetime", "trade_date", "trading_day"),
    "open": ("open", "open_price"),
    "high": ("high", "high_price"),
    "low": ("low", "low_price"),
    "close": ("close", "close_last", "close_price", "last", "last_price", "price"),
    "volume": ("volume", "vol"),
    "dividend": ("dividend", "dividends"),
    "split": ("split", "splits", "stock_split", "stock_splits"),
}
NAMES = {spelling: name for name, spellings in SPELLINGS.items() for spelling in spellings}
NEEDED = ("date", "close")
IDENTITIES = ("ticker", "symbol")
CURRENCIES = ("currency", "ccy")
INTERVALS = ("per", "interval")
DAILY = ("d", "1d", "daily")
# Corporate actions of files whose prices are as traded (Quandl, Alpha Vantage, Tiingo).
ACTION_WORDS = ("split", "divid", "divcash")
NEUTRAL = ("", "0", "1")


def name_columns(ticker: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are read, under the names of `PriceHistory` and `date`.

    Args:
        ticker: Symbol, for messages.
        table: Cells as text under the header as written.

    Raises:
        BadBarsError: A column is missing or there twice; the file holds several tickers or currencies, bars
            that are not daily, or corporate actions in a column that is not read.
    """
    written = list(table.columns)
    plain = _simplify_all(written)
    if missing := find_missing(written):
        found = f"no column {' or '.join(missing)} in '{clean_text(','.join(written), 60)}'"
        raise BadBarsError(ticker, "columns date and close", found)
    _check_rows(ticker, table.set_axis(plain, axis=1))
    indices: dict[str, int] = {}
    for index, name in enumerate(NAMES.get(name, "") for name in plain):
        if name in indices:
            found = f"column {name} twice: '{written[indices[name]]}' and '{written[index]}'"
            raise BadBarsError(ticker, f"one column {name}", found)
        if name:
            indices[name] = index
    return table.iloc[:, list(indices.values())].set_axis(list(indices), axis=1)


def find_missing(written: Sequence[str]) -> list[str]:
    """Return the columns that are needed and that a header does not have.

    >>> find_missing(["Trade Date", "Last"]), find_missing(["Prices of ACME", "in dollars"])
    ([], ['date', 'close'])
    """
    names = {NAMES.get(name) for name in _simplify_all(written)}
    return [name for name in NEEDED if name not in names]


def describe_identity(ticker: str, table: pd.DataFrame) -> tuple[str, ...]:
    """Describe a column that names another ticker than the file does; nothing where none does.

    Vendors write a symbol in several ways (`AAPL.US`, `BRK.B`, `7203`), so this refuses nothing.

    Args:
        ticker: Symbol of the file.
        table: As of `name_columns`.
    """
    expected = _letters(ticker)
    for index, name in enumerate(map(_simplify, table.columns)):
        written = table.iloc[0, index]
        named = _letters(written)
        if name in IDENTITIES and named and not (named.startswith(expected) or expected.startswith(named)):
            return (f"column {name} names {clean_text(written)}, the file {ticker}",)
    return ()


def _letters(symbol: str) -> str:
    """Reduce a symbol to its letters and digits."""
    return re.sub(r"[^A-Z0-9]", "", symbol.upper())


def _simplify(name: str) -> str:
    """Reduce a header to lower case and underscores.

    >>> [_simplify(name) for name in ("<CLOSE>", "Close/Last", "Vol.", "Adj Close**", "4. close")]
    ['close', 'close_last', 'vol', 'adj_close', 'close']
    """
    words = re.findall(r"[a-z]+", re.sub(r"^\d+\.", "", name.lower()))
    return "_".join(words)


def _simplify_all(written: Sequence[str]) -> list[str]:
    plain = [_simplify(name) for name in written]
    if plain[0] == "" and "date" not in map(NAMES.get, plain):
        plain[0] = "date"  # the index of a pandas frame has no name
    return plain


def _check_rows(ticker: str, table: pd.DataFrame) -> None:
    """Refuse rows that other columns show to be no daily bars of one ticker, currency and price basis."""
    for index, name in enumerate(table.columns):
        cells = table.iloc[:, index].str.lower()
        if name in IDENTITIES:
            _refuse_cells(ticker, name, cells, wrong=cells != cells.iloc[0], expected="one ticker in a file")
        if name in CURRENCIES:
            named = table.iloc[:, index][~cells.isin(MISSING)]  # in which GBp is not GBP
            other = ~named.isin(named.iloc[:1])
            _refuse_cells(ticker, name, named, wrong=other, expected="one currency in a file")
        if name in INTERVALS:
            _refuse_cells(ticker, name, cells, wrong=~cells.isin(DAILY), expected="daily bars")
        if name not in NAMES and any(word in name for word in ACTION_WORDS):
            # It is left open whether the prices are adjusted for them.
            acting = ~cells.str.replace(r"\.0*$", "", regex=True).isin(NEUTRAL)
            expected = "split-adjusted prices with columns dividends and splits"
            _refuse_cells(ticker, name, cells, wrong=acting, expected=expected)


def _refuse_cells(ticker: str, name: str, cells: pd.Series, *, wrong: pd.Series, expected: str) -> None:
    if wrong.any():
        found = f"'{cells[wrong].iloc[0]}' in column {name}, line {cells.index[wrong][0]}"
        raise BadBarsError(ticker, expected, found)
