"""Numbers as people and vendors write them; a mark that may be of thousands or of decimals is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.errors import BadBarsError

PRICES = ("open", "high", "low", "close", "dividend")
NUMBERS = (*PRICES, "volume", "split")
MISSING = ("", "-", "--", "null", "nan", "na", "n/a", "none")
CURRENCY = r"^[$€£¥]\s*|\s*[$€£¥]$"
SIGN = r"([$€£¥])"
SPACES = r"\s|(?<=\d)['’](?=\d{3})"  # 1'000 is of Switzerland
UNITS = {"K": 1e3, "M": 1e6, "B": 1e9}
UNIT = r"[KMBkmb]$"
PLAIN = re.compile(
    r"(?:[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?\n)*"
)  # cells that most files have, one a line
# Cells, one a line, whose dot may be of thousands.
GROUPED = re.compile(r"(?:[1-9][0-9]{0,2}\.[0-9]{3}\n)+")
# The same with others below a thousand, one of them with a dot.
GROUPED_OR_SMALL = re.compile(r"(?=[^.]*\.)(?:[1-9][0-9]{0,2}(?:\.[0-9]{3})?\n)+")
# A cell whose dot can only be of decimals.
SHOWS_DECIMALS = re.compile(r"^(?![1-9][0-9]{0,2}\.[0-9]{3}$)[0-9]*\.[0-9]+$", re.MULTILINE)
# A cell that lacks the mark which thousands would have.
LACKS_MARK = re.compile(r"^[0-9]{4,}$", re.MULTILINE)
# Decimals such as the 05 of 12,05; no number is written so.
PARTED = re.compile(r"^0[0-9]{1,3}$", re.MULTILINE)


@dataclass(frozen=True)
class _Marks:
    """The marks of a file's numbers."""

    decimal: str
    thousands: str

    def parse(self, cells: pd.Series) -> pd.Series:
        """Parse text without unit and currency; NaN where it does not parse with these marks."""
        mark = re.escape(self.thousands)
        groups = rf"\d{{1,3}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}"  # of two digits in India
        shape = rf"[+-]?(?:{groups}|\d+)?(?:{re.escape(self.decimal)}\d*)?(?:[eE][+-]?\d+)?"
        fits = cells.str.fullmatch(shape) & cells.str.contains(r"\d")
        plain = cells.str.replace(self.thousands, "", regex=False).str.replace(self.decimal, ".", regex=False)
        return pd.to_numeric(plain.where(fits), errors="coerce").astype(np.float64)


DOT, COMMA = _Marks(".", ","), _Marks(",", ".")


def parse_numbers(ticker: str, table: pd.DataFrame, delimiter: str = ",") -> pd.DataFrame:
    """Parse the columns of prices, volume and actions.

    Args:
        ticker: Symbol, for messages.
        table: Text by line of the file, columns named as in `PriceHistory`.
        delimiter: Of the file's cells; semicolons are written where a comma is of decimals.

    Returns:
        The same columns as float64, NaN where a cell is empty.

    Raises:
        BadBarsError: A cell is no number, or the file leaves open what its commas or dots mean.
    """
    named = [name for name in NUMBERS if name in table]
    lines = {name: _join(table[name]) for name in named}
    if is_plain := all(map(PLAIN.fullmatch, lines.values())):
        columns = {name: table[name] for name in named}
    else:
        _refuse_currencies(ticker, pd.concat([table[name] for name in PRICES if name in table]))
        columns = {name: _clean(table[name]) for name in named}
        lines = {name: _join(cells.dropna()) for name, cells in columns.items()}
    _refuse_grouped(ticker, table, lines)
    if delimiter == ";":
        _refuse_doubtful(ticker, table, lines)
    if delimiter == ",":
        _refuse_parted(ticker, columns, lines)
    if is_plain:
        return pd.DataFrame(columns).apply(pd.to_numeric).astype(np.float64)
    marks = _find_marks(ticker, columns)
    return pd.DataFrame({name: _parse(ticker, name, cells, marks=marks) for name, cells in columns.items()})


def _join(cells: pd.Series) -> str:
    """Join cells, one a line."""
    return "\n".join([*cells, ""])


def _clean(cells: pd.Series) -> pd.Series:
    """Return the cells without currency, spaces and apostrophes; NA where nothing is meant."""
    bare = cells.str.replace(CURRENCY, "", regex=True).str.replace(SPACES, "", regex=True)
    return bare.mask(bare.str.lower().isin(MISSING))


def _refuse_currencies(ticker: str, prices: pd.Series) -> None:
    """Refuse prices with the signs of several currencies."""
    signs = prices.str.extract(SIGN, expand=False).dropna()
    other = signs[~signs.isin(signs.iloc[:1])]
    if not other.empty:
        found = f"{signs.iloc[0]} in line {signs.index[0]}, then {other.iloc[0]} in line {other.index[0]}"
        raise BadBarsError(ticker, "prices of one currency", found)


def _refuse_grouped(ticker: str, table: pd.DataFrame, lines: Mapping[str, str]) -> None:
    """Refuse prices and volume that all may be in thousands; volume of whole shares has no decimals."""
    if all(GROUPED.fullmatch(lines.get(name, "")) for name in ("volume", "close")):
        price, volume = table["close"].iloc[0], table["volume"].iloc[0]
        found = f"'{price}' and volume '{volume}' in line {table.index[0]}, whose dots may be of thousands"
        raise BadBarsError(ticker, "numbers without marks of thousands", found)


def _refuse_doubtful(ticker: str, table: pd.DataFrame, lines: Mapping[str, str]) -> None:
    """Refuse closes that all may be in thousands, in a file that shows nowhere what its dots mean."""
    is_shown = any(SHOWS_DECIMALS.search(cells) or LACKS_MARK.search(cells) for cells in lines.values())
    if GROUPED_OR_SMALL.fullmatch(lines["close"]) and not is_shown:
        cell = table["close"][table["close"].str.contains(".", regex=False)]
        found = f"'{cell.iloc[0]}' in line {cell.index[0]}, whose dot may be of thousands"
        expected = (
            "numbers without marks of thousands, or commas between the cells where dots are of decimals"
        )
        raise BadBarsError(ticker, expected, found)


def _refuse_parted(ticker: str, columns: Mapping[str, pd.Series], lines: Mapping[str, str]) -> None:
    """Refuse the decimals of a number as a cell of their own: a comma of decimals has parted the two.

    Where dots are of decimals, a zero before a number is padding.
    """
    if any(map(SHOWS_DECIMALS.search, lines.values())):
        return
    for name, cells in lines.items():
        if parted := PARTED.search(cells):
            line = columns[name].index[columns[name] == parted[0]][0]
            found = (
                f"'{parted[0]}' in column {name}, line {line}, as after a comma of decimals without quotes"
            )
            raise BadBarsError(ticker, "numbers without a zero before them", found)


def _find_marks(ticker: str, columns: Mapping[str, pd.Series]) -> _Marks:
    """Return the marks that the prices of a file show, or else its volume."""
    present = pd.concat([columns[name] for name in PRICES if name in columns]).dropna()
    dots, commas = present.str.count(r"\."), present.str.count(",")
    both = present[(dots > 0) & (commas > 0)]
    if not both.empty:
        decimal = "." if both.iloc[0].rfind(".") > both.iloc[0].rfind(",") else ","
        return DOT if decimal == "." else COMMA
    if not (commas > 0).any():
        return DOT
    if (dots > 0).any() or (commas > 1).any():
        return DOT
    thousands = present[commas > 0].str.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}")
    if thousands.all():
        volume = columns.get("volume", present).dropna().str.replace(UNIT, "", regex=True)
        fitting = [marks for marks in (DOT, COMMA) if marks.parse(volume).notna().all()]
        if len(fitting) == 1:  # volume such as 1,234,567 or 12.30M
            return fitting[0]
        cell = present[commas > 0]
        found = f"'{cell.iloc[0]}' in line {cell.index[0]}, whose comma may be of thousands or of decimals"
        raise BadBarsError(ticker, "prices with a decimal point", found)
    return COMMA


def _parse(ticker: str, name: str, cells: pd.Series, *, marks: _Marks) -> pd.Series:
    factors = 1.0
    bare = cells
    if name == "volume":
        factors = cells.str[-1:].str.upper().map(UNITS).fillna(1.0).astype(np.float64)
        bare = cells.str.replace(UNIT, "", regex=True)
    numbers = marks.parse(bare)
    wrong = numbers.isna() & cells.notna()
    if wrong.any():
        found = f"'{cells[wrong].iloc[0]}' in line {cells.index[wrong][0]}"
        raise BadBarsError(ticker, f"numbers in column {name}", found)
    return numbers * factors
