"""Read the earnings dates of a folder: `earnings.csv` with the columns ticker, date, when and known_since."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd

from flows.sources.csv_folder.days import STAMP, TIME, parse_days
from flows.sources.csv_folder.text import read_text_table
from forecasting.calendars.exchanges import HOME_ZONE, calendar_name
from forecasting.calendars.reports import Report
from forecasting.calendars.sessions import calendar_zone
from forecasting.errors import CalendarError, PriceError, SourceError, UnknownExchangeError
from forecasting.types import ReportOrigin, ReportTime, values

EARNINGS_FILE = "earnings.csv"
_NEEDED = ("ticker", "date")
_ALIASES = {"symbol": "ticker"}
_TIMES = values(ReportTime)
_SHORT_TIMES = {
    "": "unknown",
    "bmo": "before_open",
    "amc": "after_close",
}  # of calendars


def read_earnings(path: Path, origin: ReportOrigin = "file") -> dict[str, tuple[Report, ...]]:
    """Read ticker -> reports in order of time; an empty `when` is unknown, and a file without rows has none.

    Raises:
        SourceError: The file is no table of earnings dates; the message names column and line.
    """
    try:
        table = read_text_table(path.name, path, may_be_empty=True)
        names = [name.lower() for name in table.columns]
        table = table.set_axis([_ALIASES.get(name, name) for name in names], axis=1).drop_duplicates()
        _require_columns(path.name, table)
        if table.empty:
            return {}
        tickers = table["ticker"].str.upper()
        zones = tickers.map(_find_zone)
        days = _parse_days(path.name, table["date"], zones)
        known = _parse_known(path.name, table, zones)
    except PriceError as error:
        raise SourceError(str(error)) from error
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
        pd.Series(parse_days(name, own, zone), own.index) for zone, own in cells.groupby(zones, sort=False)
    ]
    return pd.DatetimeIndex(pd.concat(parts)[cells.index])


def _parse_known(name: str, table: pd.DataFrame, zones: pd.Series) -> Mapping[int, date]:
    """Parse line -> day since which the date was known, where the file states it."""
    cells = table.get("known_since", pd.Series("", table.index))
    stated = cells[cells != ""]
    if stated.empty:
        return {}
    days = _parse_days(name, stated, zones[stated.index])
    return {line: day.date() for line, day in zip(stated.index, days, strict=True)}


def _parse_times(name: str, table: pd.DataFrame) -> Mapping[int, ReportTime]:
    cells = table.get("when", pd.Series("", table.index)).str.lower().str.replace(r"[ _-]+", "_", regex=True)
    cells = cells.replace(_SHORT_TIMES)
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
