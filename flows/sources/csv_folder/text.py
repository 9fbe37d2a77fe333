"""Read a CSV file of prices into a table of text, whatever its encoding, delimiter and line ends."""

import codecs
import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from flows.sources.csv_folder.columns import find_missing
from forecasting.errors import BadBarsError
from forecasting.text import clean_text

DELIMITERS = (",", ";", "\t", "|")
STATED_DELIMITER = re.compile(rf"\s*sep=([{''.join(DELIMITERS)}])\s*", re.IGNORECASE)  # for Excel
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")  # copied with a cell
LINE = "line"


@dataclass(frozen=True)
class TextTable:
    """A file as text, cell by cell.

    Attributes:
        fitting: Stripped cells under the header as written, indexed by the line in the file; empty rows are
            left out.
        misfits: Line -> number of cells of each row that has more or fewer than the header.
        delimiter: What stands between the cells.
    """

    fitting: pd.DataFrame
    misfits: Mapping[int, int]
    delimiter: str


def read_text_table(ticker: str, path: Path) -> TextTable:
    """Read a file of which every row has the cells of the header.

    Args:
        ticker: Symbol, for messages.
        path: The file.

    Raises:
        BadBarsError: It cannot be read or decoded, has no header or no rows, or a row has more or fewer cells
            than the header.
    """
    text = read_ragged_table(ticker, path)
    table = _drop_yfinance_header(ticker, text.fitting)
    if (text.misfits or table.empty or table.shape[1] == 1) and find_missing(list(table.columns)):
        found = f"'{clean_text(','.join(table.columns), 60)}' in its place"  # such as a title
        raise BadBarsError(ticker, "a header line with columns date and close", found)
    for number, cells in text.misfits.items():
        expected = f"a readable CSV file with {text.fitting.shape[1]} cells in every line"
        raise BadBarsError(ticker, expected, f"{cells} in line {number}")
    if table.empty:
        raise BadBarsError(ticker, "a line for each session below the header", "no rows")
    return replace(text, fitting=table)


def read_ragged_table(name: str, path: Path) -> TextTable:
    """Read a file that may have no rows, or some with more or fewer cells than the header.

    Args:
        name: For messages.
        path: The file.

    Raises:
        BadBarsError: It cannot be read or decoded, or has no header.
    """
    delimiter, lines = _split_cells(name, _decode(name, path))
    rows = {number: row for number, row in enumerate(lines, start=1) if any(row)}
    if not rows:
        raise BadBarsError(name, "a header line and a line for each session", "an empty file")
    header = rows.pop(min(rows))
    width = len(header)
    fitting = {number: row[:width] for number, row in rows.items() if _fits(row, width)}
    index = pd.Index(fitting, name=LINE, dtype=np.int64)
    table = pd.DataFrame(list(fitting.values()), index=index, columns=header, dtype=str)
    misfits = {number: len(row) for number, row in rows.items() if number not in fitting}
    return TextTable(table, misfits, delimiter)


def _decode(ticker: str, path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadBarsError(ticker, "a readable CSV file", error.strerror or type(error).__name__) from error
    marks = [name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark)]
    encoding = marks[0] if marks else "utf-8"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadBarsError(
            ticker, "a readable CSV file in UTF-8", f"another encoding in line {line}"
        ) from error
    text = UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if "\0" in text:  # a copy with a hole, or UTF-16 and UTF-32 that nothing marks
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadBarsError(ticker, "a readable CSV file in UTF-8", f"a zero byte in line {line}")
    return text


def _split_cells(ticker: str, text: str) -> tuple[str, list[list[str]]]:
    """Return the delimiter, and the cells of each line."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    if stated := STATED_DELIMITER.fullmatch(first):
        delimiter, text = stated[1], text.replace(first, "", 1)
    else:
        delimiter = max(DELIMITERS, key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadBarsError(ticker, "a readable CSV file", str(error)) from error
    return delimiter, [[cell.strip() for cell in row] for row in rows]


def _fits(row: list[str], width: int) -> bool:
    """Return whether a row has so many cells; empty ones beyond them do not count."""
    return len(row) >= width and not any(row[width:])


def _drop_yfinance_header(ticker: str, table: pd.DataFrame) -> pd.DataFrame:
    """Read the three header lines of `yfinance.download(...).to_csv()`: `Price`, `Ticker` and `Date`."""
    heads = table.iloc[:2, 0].str.lower().tolist() if table.shape[1] else []
    if table.columns[0].lower() != "price" or heads != ["ticker", "date"]:
        return table
    symbols = set(table.iloc[0, 1:])
    if len(symbols) > 1:
        raise BadBarsError(ticker, "one ticker in a file", " and ".join(sorted(symbols)[:3]))
    return table.iloc[2:].set_axis(["Date", *table.columns[1:]], axis=1)
