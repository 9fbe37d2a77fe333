"""One renderer: sheets of plain values as terminal tables, Markdown and JSON records.

Every table that a person or a program gets from bandcast is a `Sheet`, so that numbers, widths and missing
values look the same everywhere.
"""

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from forecasting.text import clean_text, keep_visible

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

UNBOUNDED = 10_000  # without a terminal the lines go to a file or a program: no table wraps
STORED_DIGITS = 12  # significant ones of stored numbers in JSON
# Not the underscore, which marks up nothing within a word, nor brackets that begin no link; the last two keep
# addresses from becoming links.
_MARKUP = re.compile(r"[\\`*<>|~]|\](?=[(\[:])|:(?=//)|(?<=www)\.")

Format = str | Callable[[Any], str]


@dataclass(frozen=True)
class Column:
    """One column of a sheet.

    Attributes:
        key: Name in JSON.
        heading: Name in tables for people; an empty one leaves the column to programs.
        align: Side that the cells are flush with.
        format: Format specification of numbers, or a function from a value to its text.
        once: Leave out a value that repeats the row above, in terminal tables.
    """

    key: str
    heading: str = ""
    align: Literal["left", "right"] = "left"
    format: Format = ".3f"
    once: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table of plain values, and the lines below it.

    Attributes:
        title: Line above the table; empty for none.
        columns: In order.
        rows: One value a column; None where there is none.
        notes: Lines below the table.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()


Part = Sheet | str


def format_number(value: float | None, spec: str) -> str:
    """Format a number; the empty text stands for none, NaN and infinity.

    >>> format_number(0.9, ".1%"), format_number(float("nan"), ".1%"), format_number(1234.5, ",.2f")
    ('90.0%', '', '1,234.50')
    """
    return "" if value is None or not math.isfinite(value) else format(value, spec)


def sheet_from_frame(
    frame: "pd.DataFrame", columns: Sequence[Column] = (), *, title: str = "", notes: Sequence[str] = ()
) -> Sheet:
    """Build a sheet of a frame.

    Args:
        frame: Its columns become those of the sheet, in order.
        columns: How to show some of them, by key; the others are left to programs. None given: all are shown.
        title: Line above the table.
        notes: Lines below it.
    """
    shown = {column.key: column for column in columns}
    names = map(str, frame.columns)
    heads = tuple(shown.get(name) or Column(name, "" if shown else name) for name in names)
    rows = zip(*(_plain_values(column) for _, column in frame.items()), strict=True)
    return Sheet(title, heads, tuple(rows), tuple(notes))


def to_records(sheet: Sheet, digits: int | None = None) -> list[dict[str, Any]]:
    """Return each row as a JSON object of every column, shown or not; dates become text of ISO 8601.

    Args:
        sheet: The table.
        digits: Round numbers to so many significant digits; None keeps every digit.
    """
    keys = [column.key for column in sheet.columns]
    return [dict(zip(keys, (_json_value(value, digits) for value in row), strict=True)) for row in sheet.rows]


def to_json(value: Any) -> str:
    """Format plain values, dates of ISO 8601 and paths as JSON."""
    return json.dumps(value, indent=2, default=_json_text)


def to_markdown(sheet: Sheet) -> str:
    """Format the shown columns as a Markdown table without its title; empty for a sheet without rows."""
    if not sheet.rows:
        return ""
    shown = [column for column in sheet.columns if column.heading]
    heads = [column.heading for column in shown]
    rule = ["---:" if column.align == "right" else "---" for column in shown]
    escaped = ([escape_markdown(text) for text in cells] for cells in (heads, *_texts(sheet)))
    head, *body = (f"| {' | '.join(cells)} |" for cells in escaped)
    return "\n".join((head, f"| {' | '.join(rule)} |", *body))


def escape_markdown(text: str) -> str:
    r"""Clean a text from outside and escape its markup, for Markdown that a browser renders.

    >>> print(escape_markdown("[x](https://evil.example) <b>|"))
    [x\](https\://evil.example) \<b\>\|
    """
    return _MARKUP.sub(r"\\\g<0>", clean_text(text))


def print_parts(parts: Iterable[Part]) -> None:
    """Print tables and lines on standard output, in order and as they come."""
    console = open_console()
    for part in parts:
        if isinstance(part, Sheet):
            _print_sheet(console, part)
        if lines := (part,) if isinstance(part, str) else part.notes:
            console.print("\n".join(map(keep_visible, lines)))


def open_console() -> "Console":
    """Return a console as wide as the terminal or the variable COLUMNS; with neither nothing wraps."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False, emoji=False, markup=False)
    if not (console.is_terminal or os.environ.get("COLUMNS", "").isdigit()):
        console.width = UNBOUNDED
    return console


def _print_sheet(console: "Console", sheet: Sheet) -> None:
    """Print a sheet as the widest that fits: a table, one without lines, or one value a line.

    A table fits if each word and number does; between words its cells wrap.
    """
    shown = [column for column in sheet.columns if column.heading]
    rows = list(_texts(sheet, blank_repeats=True))
    widest = _find_widest(rows)
    unbounded = console.options.update(max_width=UNBOUNDED)
    for lined in (True, False):
        table = _build_table(sheet.title, shown, widest, lined=lined)
        width = console.measure(table, options=unbounded)
        if width.maximum <= console.width and rows:
            edge = ("|" if console.options.ascii_only else "│") if lined else ""
            _print_lines(console, table, _join_cells(rows, widest[0], shown, edge=edge))
            return
        table = _build_table(sheet.title, shown, rows, lined=lined)
        if console.measure(table, options=unbounded).minimum <= console.width:
            console.print(table)
            return
    for line in _stack(sheet.title, shown, rows):
        console.print(line)


def _find_widest(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Find the widest text of each column, as one row; none without rows."""
    return [[max(texts, key=_width) for texts in zip(*rows, strict=True)]] if rows else []


def _print_lines(console: "Console", table: "Table", lines: Iterable[str]) -> None:
    """Print a table of one row with other lines in its place: the same table in a fraction of the time."""
    with console.capture() as capture:
        console.print(table)
    drawn = capture.get().splitlines()
    row = len(drawn) - 1 - (table.box is not None)  # before the lower edge, if there is one
    console.file.write("\n".join((*drawn[:row], *lines, *drawn[row + 1 :], "")))


def _join_cells(
    rows: Iterable[Sequence[str]], widest: Sequence[str], shown: Sequence[Column], *, edge: str
) -> Iterator[str]:
    """Yield the line of each row of a table in which no cell wraps."""
    widths = [max(_width(text), _width(column.heading)) for text, column in zip(widest, shown, strict=True)]
    aligned = [(column.align == "right", width) for column, width in zip(shown, widths, strict=True)]
    start, between, end = (f"{edge} ", f" {edge} ", f" {edge}") if edge else ("", "  ", "")
    for cells in rows:
        padded = (
            " " * (width - _width(text)) + text if right else text + " " * (width - _width(text))
            for text, (right, width) in zip(cells, aligned, strict=True)
        )
        yield f"{start}{between.join(padded)}{end}"


def _width(text: str) -> int:
    """Return the cells of a terminal that a text of one line takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _stack(title: str, shown: Sequence[Column], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a sheet that is too wide: each row one value a line, an empty line between rows."""
    width = max(len(column.heading) for column in shown)
    if title:
        yield keep_visible(title)
    for cells in rows:
        yield ""
        filled = ((column, text) for column, text in zip(shown, cells, strict=True) if text)
        yield from (f"{column.heading:{width}}  {text}" for column, text in filled)
    yield ""


def _build_table(
    title: str, shown: Sequence[Column], rows: Sequence[Sequence[str]], *, lined: bool
) -> "Table":
    """Build a table, with or without lines around its cells, that wraps between words only."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=keep_visible(title) or None,
        title_justify="left",
        box=box.HEAVY_HEAD if lined else None,
        pad_edge=lined,
    )
    for index, column in enumerate(shown):
        texts = (column.heading, *(cells[index] for cells in rows))
        longest = max((len(word) for text in texts for word in text.split()), default=0)
        table.add_column(column.heading, justify=column.align, min_width=longest)
    for cells in rows:
        table.add_row(*cells)
    return table


def _texts(sheet: Sheet, *, blank_repeats: bool = False) -> Iterator[list[str]]:
    """Yield the cells of the shown columns as text, row by row."""
    shown = [index for index, column in enumerate(sheet.columns) if column.heading]
    once = [index for index in shown if sheet.columns[index].once]
    above: list[Any] | None = None
    for row in sheet.rows:
        group = [row[index] for index in once]
        repeats = blank_repeats and group == above
        above = group
        yield [
            "" if repeats and index in once else _text(row[index], sheet.columns[index].format)
            for index in shown
        ]


def _text(value: Any, form: Format) -> str:
    if value is None:
        return ""
    if not isinstance(form, str):
        return form(value)
    if isinstance(value, date):
        return str(value)
    return format_number(value, form) if isinstance(value, float) else clean_text(value)


def _json_value(value: Any, digits: int | None) -> Any:
    if isinstance(value, tuple):
        return [_json_value(item, digits) for item in value]
    if isinstance(value, date):
        return _json_text(value)
    return float(f"{value:.{digits}g}") if isinstance(value, float) and digits is not None else value


def _json_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _plain_values(column: "pd.Series") -> list[Any]:
    """Convert a column of a frame; one of finite numbers needs no look at each."""
    values = column.tolist()
    is_plain = column.dtype.kind in "biuf" and all(map(math.isfinite, values))
    return values if is_plain else [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    """Convert a value of a frame: numpy's numbers to Python's, what is missing or infinite to None."""
    value = value.item() if hasattr(value, "item") else value
    missing = value is not None and value != value  # noqa: PLR0124  # true of NaN and NaT alone
    return None if missing or (isinstance(value, float) and math.isinf(value)) else value
