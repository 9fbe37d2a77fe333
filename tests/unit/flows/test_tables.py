"""The renderer: one sheet as a terminal table, Markdown and JSON records."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from rich import box
from rich.console import Console
from rich.table import Table

from flows.presentation.tables import (
    Column,
    Sheet,
    format_number,
    open_console,
    print_parts,
    sheet_from_frame,
    to_json,
    to_markdown,
    to_records,
)
from forecasting.text import format_price

DAY = date(2024, 6, 3)
COLUMNS = (
    Column("ticker", "ticker", once=True),
    Column("horizon", "h", "right"),
    Column("share", "inside", "right", ".1%"),
    Column("gaps", "gaps", format=lambda gaps: ", ".join(map(str, gaps)) or "none"),
    Column("reason"),
)
ROWS = (
    ("AAA", 1, 0.9, (), "first"),
    ("AAA", 5, None, (DAY,), None),
    ("BBB", 1, 0.12345678901234, (DAY, DAY), "x, y"),
)
SHEET = Sheet("Shares", COLUMNS, ROWS, ("A note with [brackets].",))


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (0.9, ".3f", "0.900"),
        (0.9, ".1%", "90.0%"),
        (1234.5, ",.2f", "1,234.50"),
        (-0.5, "+.2f", "-0.50"),
        (None, ".3f", ""),
        (np.nan, ".1%", ""),
        (np.inf, ".3f", ""),
        (np.float64(2), ".1f", "2.0"),
    ],
)
def test_a_number_has_one_format_and_none_that_is_missing(value: float | None, spec: str, text: str) -> None:
    assert format_number(value, spec) == text


def test_a_terminal_table_shows_headings_notes_and_each_group_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_parts([SHEET, "A line."])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Shares"
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert cells == [
        ["AAA", "1", "90.0%", "none"],
        ["", "5", "", "2024-06-03"],
        ["BBB", "1", "12.3%", "2024-06-03, 2024-06-03"],
    ]
    assert lines[-2:] == ["A note with [brackets].", "A line."]
    assert "reason" not in "".join(lines)


def test_nothing_is_cut_or_wrapped_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    wide = Sheet("", tuple(Column(f"c{n}", f"c{n}") for n in range(20)), (("word " * 10,) * 20,))
    print_parts([wide])
    text = capsys.readouterr().out
    assert "…" not in text
    assert len([line for line in text.splitlines() if "word" in line]) == 1


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("columns", [200, 40])
def test_the_output_is_as_wide_as_the_terminal_or_as_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, columns: int, *, terminal: bool
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
        monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    assert open_console().width == columns


BANDS = Sheet(
    "Bands",
    (
        Column("ticker", "ticker", once=True),
        Column("as_of", "as of", once=True),
        Column("session", "session"),
        *(Column(name, name, "right", format_price) for name in ("close", "lower", "upper")),
    ),
    tuple(
        (ticker, DAY, day, close, 0.9 * close, 1.1 * close)
        for ticker, close in (("BRK-A", 622_830.55), ("SUBPENNY", 0.00002))
        for day in (date(2024, 6, 4), date(2024, 6, 10))
    ),
)
CELLS = (
    *("BRK-A", "SUBPENNY", "2024-06-03", "2024-06-04", "2024-06-10"),
    *("622,830.55", "560,547.50", "685,113.61", "0.000020000", "0.000018000", "0.000022000"),
)


@pytest.mark.parametrize("columns", [1, 20, 40, 60, 80, 90, 120])
def test_every_cell_is_whole_on_any_terminal_and_no_line_is_wider(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_parts([BANDS])
    text = capsys.readouterr().out
    assert all(cell in text for cell in CELLS)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    stacked = max(map(len, CELLS)) + len("session  ")
    assert max(map(len, text.splitlines())) <= max(columns, stacked)


def test_a_table_gives_up_its_lines_before_its_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for columns, table, lined in ((90, True, True), (73, True, False), (40, False, False)):
        monkeypatch.setenv("COLUMNS", str(columns))
        print_parts([BANDS])
        text = capsys.readouterr().out
        assert ("\N{BOX DRAWINGS LIGHT VERTICAL}" in text) == lined
        assert any("SUBPENNY" in line and "0.000022000" in line for line in text.splitlines()) == table


@pytest.mark.parametrize("force_color", ["", "1"])
@pytest.mark.parametrize("title", ["Shares", "", "A title that is wider than its table, and wraps"])
@pytest.mark.parametrize("lined", [True, False])
def test_rows_that_fit_are_printed_as_rich_prints_them(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    force_color: str,
    title: str,
    *,
    lined: bool,
) -> None:
    """A twin: the rows are joined here, because rich takes most of a second for thousands of them."""
    rows = (*ROWS[:2], ("", None, None, (), None), ("取引所", 30, 1.0, (DAY,), None))  # of one word each
    cells = (
        *(("AAA", "1", "90.0%", "none"), ("", "5", "", f"{DAY}")),
        *(("", "", "", "none"), ("取引所", "30", "100.0%", f"{DAY}")),
    )
    table = Table(
        title=title or None, title_justify="left", box=box.HEAVY_HEAD if lined else None, pad_edge=lined
    )
    for column in COLUMNS[:-1]:
        table.add_column(column.heading, justify=column.align)
    for row in cells:
        table.add_row(*row)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", force_color)
    width = Console(width=200).measure(table).maximum
    monkeypatch.setenv("COLUMNS", str(width))
    print_parts([Sheet(title, COLUMNS, rows)])
    found = capsys.readouterr().out
    open_console().print(table)
    assert found == capsys.readouterr().out


@pytest.mark.parametrize("width", range(30, 48))
def test_no_line_is_wider_than_the_terminal_where_cells_wrap(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_parts([Sheet("Shares", COLUMNS, ROWS)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert sum("2024-06-03" in line for line in lines) >= 2


def test_a_stacked_table_names_a_group_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_parts([BANDS])
    assert capsys.readouterr().out.splitlines()[:14] == [
        *("Bands", "", "ticker   BRK-A", "as of    2024-06-03", "session  2024-06-04"),
        *("close    622,830.55", "lower    560,547.50", "upper    685,113.61", ""),
        *("session  2024-06-10", "close    622,830.55", "lower    560,547.50", "upper    685,113.61", ""),
    ]


def test_a_table_too_wide_for_the_terminal_wraps_between_words_and_cuts_no_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    columns = tuple(Column(f"c{n}", f"a long heading {n}", "right") for n in range(15))
    print_parts([Sheet("", columns, ((0.12345,) * 15,))])
    text = capsys.readouterr().out
    assert text.count("0.123") == 15
    assert text.count("heading") == 15
    assert "…" not in text


def test_markdown_shows_what_people_see_and_aligns_numbers() -> None:
    assert to_markdown(SHEET).splitlines() == [
        "| ticker | h | inside | gaps |",
        "| --- | ---: | ---: | --- |",
        "| AAA | 1 | 90.0% | none |",
        "| AAA | 5 |  | 2024-06-03 |",
        "| BBB | 1 | 12.3% | 2024-06-03, 2024-06-03 |",
    ]
    assert to_markdown(Sheet("Empty", COLUMNS, ())) == ""


def test_records_hold_every_column_as_json_values() -> None:
    records = to_records(SHEET)
    assert records == json.loads(to_json(records))
    assert records[1] == {
        "ticker": "AAA",
        "horizon": 5,
        "share": None,
        "gaps": ["2024-06-03"],
        "reason": None,
    }
    assert records[2]["share"] == 0.12345678901234
    assert to_records(SHEET, digits=4)[2]["share"] == 0.1235
    tiny = Sheet("", (Column("price"),), ((1.23456789e-11,), (622_830.55,)))
    assert to_records(tiny, digits=8) == [{"price": 1.2345679e-11}, {"price": 622_830.55}]


def test_instants_in_json_are_of_iso_8601() -> None:
    issued, text = datetime(2024, 6, 3, 22, 30, tzinfo=UTC), "2024-06-03T22:30:00+00:00"
    assert to_records(Sheet("", (Column("issued_at"),), ((issued,),))) == [{"issued_at": text}]
    assert json.loads(to_json({"issued_at": pd.Timestamp(issued)})) == {"issued_at": text}


HOSTILE = "[link=https://evil.example]x[/link] [/] \x1b[31mred\nforged <b>|`*\u202e"


def test_markup_and_controls_of_a_text_from_outside_reach_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    print_parts([Sheet(HOSTILE, (Column("a", "a"),), ((HOSTILE,),), (HOSTILE,)), HOSTILE])
    text = capsys.readouterr().out
    shown = "[link=https://evil.example]x[/link] [/] red forged <b>|`*"
    assert text.count(shown) == 4
    assert "\x1b[31m" not in text
    assert "\u202e" not in text


def test_markdown_escapes_what_it_would_render() -> None:
    sheet = Sheet("", (Column("a", "a"), Column("b", "b")), ((HOSTILE, "[x](//y) www.evil.example"),))
    row = to_markdown(sheet).splitlines()[-1]
    first = r"[link=https\://evil.example]x[/link] [/] red forged \<b\>\|\`\*"
    assert row == rf"| {first} | [x\](//y) www\.evil.example |"


def test_a_frame_becomes_a_sheet_of_plain_values() -> None:
    frame = pd.DataFrame(
        {
            "h": np.array([1, 5]),
            "x": [0.5, np.nan],
            "y": [np.inf, -np.inf],
            "day": pd.to_datetime(["2024-06-03", None]),
            "name": ["a", None],
        }
    )
    sheet = sheet_from_frame(frame, [Column("x", "X", "right")], title="T", notes=["n"])
    assert [column.heading for column in sheet.columns] == ["", "X", "", "", ""]
    assert sheet.rows == ((1, 0.5, None, pd.Timestamp("2024-06-03"), "a"), (5, None, None, None, None))
    assert all(type(row[0]) is int for row in sheet.rows)
    assert (sheet.title, sheet.notes) == ("T", ("n",))
    assert [column.heading for column in sheet_from_frame(frame).columns] == list(frame.columns)
