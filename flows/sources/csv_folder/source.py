"""A folder of TICKER.csv files with prices as Yahoo serves them: split-adjusted to the end of the file."""

import functools
import os
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from flows.paths import describe_fault
from flows.settings import Settings
from flows.sources.base import PriceSource, build_history, check_symbol, undo_checked_splits
from flows.sources.calendars import read_calendars
from flows.sources.csv_folder.earnings import EARNINGS_FILE, read_earnings
from flows.sources.csv_folder.table import PriceTable, read_price_table
from flows.sources.earnings import NO_REPORTS, ListedReports
from flows.sources.registry import register
from forecasting.calendars.lookup import STANDARD, Calendars
from forecasting.calendars.sessions import (
    calendar_zone,
    last_closed_session,
    next_sessions,
    session_on_or_before,
)
from forecasting.errors import (
    BadBarsError,
    CalendarError,
    PriceError,
    PriceFolderError,
    SourceError,
    UnfinishedSessionError,
    UnknownTickerError,
    WrongSessionsError,
)
from forecasting.faults import attribute_to_ticker
from forecasting.prices.history import PriceHistory, as_actions, as_bars
from forecasting.text import is_symbol

NO_LAG = timedelta(0)  # the owner writes a file when the session is over
A_DAY = timedelta(days=1)
REPORTS_WITHIN = timedelta(days=730)  # no company dates its reports further ahead
# A mistyped year of the past leaves some last rows alone; with so long a gap before them, no run takes them.
STRAY_AFTER = timedelta(days=180)
MOST_STRAYS = 5


class CsvSource:
    """Prices from files `TICKER.csv` with a header line.

    A column of dates and one of closes are needed; open, high, low, volume, dividends and splits are read
    where they exist, under the names that common vendors give them. Prices, volume and dividends are
    split-adjusted to the end of the file, so splits must be there if any took place. `adj_close` is not read.

    Args:
        folder: Where the files are.
        now: The instant (UTC) after which no session can have closed; None if any day is allowed.
        calendars: Of the symbols.

    Raises:
        PriceFolderError: The folder cannot be read.
        SourceError: It holds no such file.
    """

    name = "csv"
    live = False

    def __init__(self, folder: Path, now: datetime | None = None, calendars: Calendars = STANDARD) -> None:
        self.folder = folder
        self.now = now
        self.calendars = calendars
        expected = f"Expected a folder with files such as AAPL.csv at {folder.absolute()}"
        advice = "correct the path, or put them there"
        if fault := describe_fault(folder):
            raise PriceFolderError(f"{expected}, found {fault}; {advice}.")
        if not self.tickers():
            raise SourceError(f"{expected}, found no such file in it; {advice}.")

    def tickers(self) -> tuple[str, ...]:
        """Return the symbols that have a file, sorted."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.csv") if is_symbol(path.stem)))

    def ignored_files(self) -> tuple[str, ...]:
        """Return the names of CSV files that are not read because they are no `TICKER.csv`, sorted."""
        names = (path.name for path in self.folder.iterdir() if ".csv" in map(str.lower, path.suffixes))
        others = (name for name in names if not name.endswith(".csv") or not is_symbol(name[:-4]))
        return tuple(sorted(name for name in others if name != EARNINGS_FILE))

    def earnings(self) -> ListedReports:
        """Read the reports of `earnings.csv`; none without that file.

        Raises:
            SourceError: It cannot be read.
        """
        path = self.folder / EARNINGS_FILE
        if not path.exists():
            return NO_REPORTS
        latest = self.now.date() + REPORTS_WITHIN if self.now else date.max
        return read_earnings(path, latest=latest)

    def last_session(self, tickers: tuple[str, ...]) -> date | None:
        """Return the newest session that half of the readable files of `tickers` have reached.

        A file has reached every day off after its last session: exchanges have holidays of their own.
        Files with a day that cannot be theirs, which `fetch` refuses, count only where there is no other;
        without a readable file, all files of the folder count.
        """
        lasts = self._last_sessions(tickers) or self._last_sessions(self.tickers())
        reached = sorted((self._reach(*last) for last in lasts.items()), reverse=True)
        common = reached[(len(reached) - 1) // 2] if reached else date.min
        return max((last for last in lasts.values() if last <= common), default=None)

    def last_day(self, ticker: str) -> date | None:
        """Return the session of a file's newest possible day: that day, or the last one before a day off.

        None where the file cannot be read, which `fetch` reports.
        """
        with suppress(PriceError), attribute_to_ticker(ticker):
            possible = self._leave_possible(ticker, pd.DatetimeIndex(self._read(ticker).frame.index))
            if len(possible):
                return self._find_session(ticker, possible.max().date())
        return None

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        """Fetch the as-traded bars of one file."""
        table = self._read(ticker)
        self._check_last_days(ticker, pd.DatetimeIndex(table.frame.index))
        # Cut only after undoing: a split after `end` is in the file's prices all the same.
        bars, actions = undo_checked_splits(ticker, as_bars(table.frame), as_actions(table.frame))
        history = build_history(ticker, bars, actions, start=start, end=end, where=str(self.folder))
        return replace(history.noting(*table.notes), owned=pd.DatetimeIndex(table.frame.index))

    def _find(self, ticker: str) -> Path:
        """Return the path of a ticker's file."""
        check_symbol(ticker, str(self.folder))
        path = self.folder / f"{ticker}.csv"
        if path.is_file():
            return path
        if os.path.lexists(path):
            raise BadBarsError(ticker, "a readable CSV file", "a folder, a device or a link to nothing")
        raise UnknownTickerError(ticker, str(self.folder))

    def _zone(self, ticker: str) -> str:
        """Return the time zone of the ticker's exchange."""
        return calendar_zone(self.calendars.presume(ticker).name)

    def _check_last_days(self, ticker: str, days: pd.DatetimeIndex) -> None:
        """Refuse bars of sessions that have not closed, and last bars that are far from all others."""
        last = self._last_possible(ticker)
        if last is not None and len(days) and days.max().date() > last:
            raise UnfinishedSessionError(ticker, last=last, found=days.max().date())
        kept = _leave_strays(days)
        if len(kept) < len(days):
            found = f"{kept[-1].date()}, then {days[len(kept)].date()}"
            raise WrongSessionsError(ticker, "a bar for each session", found)

    def _leave_possible(self, ticker: str, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the days that `_check_last_days` allows."""
        last = self._last_possible(ticker)
        return _leave_strays(days if last is None else days[days <= pd.Timestamp(last)])

    def _is_possible(self, ticker: str) -> bool:
        days = pd.DatetimeIndex(self._read(ticker).frame.index)
        return len(self._leave_possible(ticker, days)) == len(days)

    def _last_possible(self, ticker: str) -> date | None:
        """Return the newest day that may have a bar: the last closed session, or a day off after it.

        Of days off bars are left out, as of the closures that are set.
        """
        if self.now is None:
            return None
        calendar = replace(self.calendars.presume(ticker), closures=frozenset())
        today = self.now.astimezone(ZoneInfo(calendar_zone(calendar.name))).date()
        with suppress(CalendarError):
            closed = last_closed_session(calendar, self.now, NO_LAG)
            (following,) = next_sessions(calendar, closed, 1)
            return max(closed, min(today, following - A_DAY))
        return today  # the calendar ends too early, which `fetch` is not to judge

    def _find_session(self, ticker: str, day: date) -> date:
        """Return the session on or before a day; the day itself where the sessions are not known."""
        with suppress(CalendarError):
            return session_on_or_before(self.calendars.presume(ticker), day)
        return day

    def _reach(self, ticker: str, session: date) -> date:
        """Return the last day before the session that follows on a session of a ticker's exchange."""
        with suppress(CalendarError):
            (following,) = next_sessions(self.calendars.presume(ticker), session, 1)
            return following - A_DAY
        return session

    def _last_sessions(self, tickers: tuple[str, ...]) -> dict[str, date]:
        """Return ticker -> newest session of each readable file without an impossible day."""
        sound: dict[str, date] = {}
        others: dict[str, date] = {}
        for ticker in set(tickers) & set(self.tickers()):
            last = self.last_day(ticker)
            if last is not None:
                (sound if self._is_possible(ticker) else others)[ticker] = last
        return sound or others

    def _read(self, ticker: str) -> PriceTable:
        path = self._find(ticker)
        return _read_once(ticker, path, self._zone(ticker), modified_ns=path.stat().st_mtime_ns)


def _leave_strays(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the days without a few last ones that a long gap separates from all others."""
    far = np.flatnonzero(days[1:] - days[:-1] > STRAY_AFTER)
    return days[: far[-1] + 1] if far.size and len(days) - 1 - far[-1] <= MOST_STRAYS else days


@register("csv")
def open_csv(settings: Settings, now: datetime) -> PriceSource:
    """Open the configured folder.

    Raises:
        PriceFolderError: None is configured, or it cannot be read.
        SourceError: It holds no file.
    """
    if settings.csv_dir is None:
        raise PriceFolderError(
            "Expected a folder of TICKER.csv files for the source csv, found none; set BANDCAST_CSV_DIR or "
            "give --csv-dir."
        )
    return CsvSource(settings.csv_dir, now, read_calendars(settings))


@functools.lru_cache(
    maxsize=600
)  # 0.2 MB a file of fifteen years; a run asks for the days, then for the prices
def _read_once(ticker: str, path: Path, zone: str, *, modified_ns: int) -> PriceTable:  # noqa: ARG001
    """Read one version (`modified_ns`) of a file; a file that cannot be read is tried again."""
    return read_price_table(ticker, path, zone)
