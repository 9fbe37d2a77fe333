"""Read the earnings dates of a folder: `earnings.csv` with the columns ticker, date, when and known_since."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from flows.sources.csv_folder.days import HALF, STAMP, TIME, find_unreadable, parse_days
from flows.sources.csv_folder.text import TextTable, read_ragged_table
from flows.sources.earnings import NO_REPORTS, ListedReports
from forecasting.calendars.exchanges import HOME_ZONE, calendar_name
from forecasting.calendars.reports import Report
from forecasting.calendars.sessions import calendar_zone
from forecasting.config import EARLIEST_DAY
from forecasting.errors import CalendarError, PriceError, SourceError, UnknownExchangeError
from forecasting.text import format_count, is_symbol
from forecasting.types import ReportOrigin, ReportTime, values

EARNINGS_FILE = "earnings.csv"
_NEEDED = ("ticker", "date")
_ALIASES = {"symbol": "ticker"}
_SHORT_TIMES = {
    "": "unknown",
    "bmo": "before_open",
    "amc": "after_close",
}  # of calendars


def read_earnings(path: Path, origin: ReportOrigin = "file", *, latest: date = date.max) -> ListedReports:
    """Read the reports of a file; an empty `when` is unknown, and a file without rows has none.

    A row that cannot be read is left out, and takes none of the others with it.

    Args:
        path: The file.
        origin: Of its dates.
        latest: Day after which a date can only be mistyped.

    Raises:
        SourceError: The file is no table of earnings dates, or most of its rows cannot be read.
    """
    name = path.name
    try:
        text = read_ragged_table(name, path)
        names = [_ALIASES.get(column.lower(), column.lower()) for column in text.fitting.columns]
        rows = replace(text, fitting=text.fitting.set_axis(names, axis=1).drop_duplicates())
        _require_columns(name, rows.fitting)
        if rows.fitting.empty and not rows.misfits:
            return NO_REPORTS
        table, faults = _keep_readable(name, rows)
        tickers = table["ticker"].str.upper()
        zones = tickers.map(_find_zone)
        days = _parse_days(name, table["date"], zones)
        known = _parse_known(name, table, zones)
    except PriceError as error:
        raise SourceError(str(error)) from error
    reports: dict[str, dict[date, Report]] = {}
    for (line, row), ticker, day in zip(table.iterrows(), tickers, days, strict=True):
        if not EARLIEST_DAY <= day.date() <= latest:
            faults.append(f"line {line}, '{row['date']}' in column date, of a mistyped year")
            continue
        report = Report(day.date(), row["when"], known.get(line), origin)
        if reports.setdefault(ticker, {}).setdefault(report.day, report) != report:
            faults.append(f"line {line}, {ticker} on {row['date']} again, with other values")
    in_order = {
        ticker: tuple(sorted(listed.values(), key=lambda report: report.day))
        for ticker, listed in reports.items()
    }
    return ListedReports(in_order, _describe(name, faults))


def _keep_readable(name: str, rows: TextTable) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows that can be read, and what is wrong with each other one.

    Args:
        name: Of the file.
        rows: Under the names that are read.

    Raises:
        SourceError: Most rows cannot be read.
    """
    table = rows.fitting
    table = table.assign(known_since=table.get("known_since", ""), when=table.get("when", ""))
    table["when"] = table["when"].str.lower().str.replace(r"[ _-]+", "_", regex=True).replace(_SHORT_TIMES)
    stated = table["known_since"] != ""
    wrong = {
        "ticker": ~table["ticker"].str.upper().map(is_symbol),
        "date": find_unreadable(table["date"]),
        "known_since": stated & find_unreadable(table["known_since"].where(stated, table["date"])),
        "when": ~table["when"].isin(values(ReportTime)),
    }
    width = rows.fitting.shape[1]
    faults = {
        line: f"line {line}, {format_count(cells, 'cell')} for {width} columns"
        for line, cells in rows.misfits.items()
    }
    faults |= {
        line: f"line {line}, '{table.loc[line, column]}' in column {column}"
        for column, cells in wrong.items()
        for line in table.index[cells]
    }
    described = [faults[line] for line in sorted(faults)]
    if len(faults) > HALF * (len(table) + len(rows.misfits)):
        raise _refuse(name, "rows such as AAPL,2024-02-01", described[0])
    return table.drop(index=list(faults), errors="ignore"), described


def _describe(name: str, faults: Sequence[str]) -> tuple[str, ...]:
    """Describe the rows that are left out, as one sentence; nothing without any."""
    if not faults:
        return ()
    rows = "a row left out:" if len(faults) == 1 else f"{len(faults)} rows left out, such as"
    return (f"{name}: {rows} {faults[0]}; correct the file.",)


def _require_columns(name: str, table: pd.DataFrame) -> None:
    missing = [column for column in _NEEDED if column not in table.columns]
    if missing or table.columns.has_duplicates:
        found = f"no column {missing[0]}" if missing else "a column twice"
        raise _refuse(name, "columns ticker and date, each once", found)


def _find_zone(ticker: str) -> str:
    """Return the time zone of a ticker's exchange; New York's where the exchange is not known."""
    try:
        return calendar_zone(calendar_name(ticker))
    except (UnknownExchangeError, CalendarError):
        return HOME_ZONE


def _parse_days(name: str, cells: pd.Series, zones: pd.Series) -> pd.DatetimeIndex:
    """Parse days; a stamp with a time zone becomes the day at the exchange of its ticker.

    Unlike bars, several rows of a day may have times of their own: they are of different tickers.
    """
    if not cells.str.extract(STAMP)["zone"].notna().any():
        return parse_days(name, cells.str.replace(TIME, "", regex=True), HOME_ZONE)
    parts = [
        pd.Series(parse_days(name, of_zone, zone), of_zone.index)
        for zone, of_zone in cells.groupby(zones, sort=False)
    ]
    return pd.DatetimeIndex(pd.concat(parts)[cells.index])


def _parse_known(name: str, table: pd.DataFrame, zones: pd.Series) -> Mapping[int, date]:
    """Parse line -> day since which the date was known, where the file states it."""
    cells = table["known_since"]
    stated = cells[cells != ""]
    if stated.empty:
        return {}
    days = _parse_days(name, stated, zones[stated.index])
    return {line: day.date() for line, day in zip(stated.index, days, strict=True)}


def _refuse(name: str, expected: str, found: str) -> SourceError:
    return SourceError(f"{name}: expected {expected}, found {found}; correct the file and run again.")
