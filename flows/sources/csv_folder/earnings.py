"""Read the earnings dates of a folder: `earnings.csv` with the columns ticker, date, when and known_since."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd

from flows.sources.csv_folder.days import parse_days
from flows.sources.csv_folder.text import read_text_table
from forecasting.calendars.exchanges import HOME_ZONE
from forecasting.calendars.reports import Report
from forecasting.errors import PriceError, SourceError
from forecasting.types import ReportOrigin, ReportTime, values

EARNINGS_FILE = "earnings.csv"
_NEEDED = ("ticker", "date")
_TIMES = values(ReportTime)


def read_earnings(path: Path, origin: ReportOrigin = "file") -> dict[str, tuple[Report, ...]]:
    """Read ticker -> reports in order of time; an empty `when` is unknown.

    Raises:
        SourceError: The file is no table of earnings dates; the message names column and line.
    """
    try:
        table = read_text_table(path.name, path)
        table = table.set_axis([name.lower() for name in table.columns], axis=1).drop_duplicates()
        _require_columns(path.name, table)
        days = parse_days(path.name, table["date"], HOME_ZONE)
        known = _parse_known(path.name, table)
    except PriceError as error:
        raise SourceError(str(error)) from error
    tickers = table["ticker"].str.upper()
    times = _parse_times(path.name, table)
    _refuse_repeated(path.name, table, tickers, days=days)
    reports: dict[str, list[Report]] = {}
    for line, ticker, day in zip(table.index, tickers, days, strict=True):
        reports.setdefault(ticker, []).append(Report(day.date(), times[line], known.get(line), origin))
    return {ticker: tuple(sorted(own, key=lambda report: report.day)) for ticker, own in reports.items()}


def _require_columns(name: str, table: pd.DataFrame) -> None:
    missing = [column for column in _NEEDED if column not in table.columns]
    if missing or table.columns.has_duplicates:
        found = f"no column {missing[0]}" if missing else "a column twice"
        raise _refuse(name, "columns ticker and date, each once", found)


def _parse_known(name: str, table: pd.DataFrame) -> Mapping[int, date]:
    """Parse line -> day since which the date was known, where the file states it."""
    cells = table.get("known_since", pd.Series("", table.index))
    stated = cells[cells != ""]
    if stated.empty:
        return {}
    days = parse_days(name, stated, HOME_ZONE)
    return {line: day.date() for line, day in zip(stated.index, days, strict=True)}


def _parse_times(name: str, table: pd.DataFrame) -> Mapping[int, ReportTime]:
    cells = table.get("when", pd.Series("", table.index)).str.lower().replace("", "unknown")
    wrong = cells[~cells.isin(_TIMES)]
    if len(wrong):
        found = f"'{wrong.iloc[0]}' in column when, line {wrong.index[0]}"
        raise _refuse(name, f"one of {', '.join(_TIMES)}", found)
    return dict(cells.items())


def _refuse_repeated(name: str, table: pd.DataFrame, tickers: pd.Series, *, days: pd.DatetimeIndex) -> None:
    repeated = pd.DataFrame({"ticker": tickers, "day": days}, table.index).duplicated()
    if repeated.any():
        line = repeated.index[repeated][0]
        found = f"{tickers[line]} on {table.loc[line, 'date']} again in line {line}"
        raise _refuse(name, "one row for each report", found)


def _refuse(name: str, expected: str, found: str) -> SourceError:
    return SourceError(f"{name}: expected {expected}, found {found}; correct the file and run again.")
