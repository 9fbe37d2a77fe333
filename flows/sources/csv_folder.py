"""A folder of TICKER.csv files with prices as Yahoo serves them: split-adjusted to the end of the file."""

import contextlib
import functools
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from flows.settings import Settings
from flows.sources.base import PriceSource, build_history, check_symbol, is_symbol
from flows.sources.registry import register
from forecasting.errors import BadBarsError, PriceError, SourceError, UnknownTickerError
from forecasting.prices.adjustment import undo_splits
from forecasting.prices.history import BAR_COLUMNS, PriceHistory, as_actions, as_bars

RENAMED = {"splits": "split", "stock_splits": "split", "dividends": "dividend"}
NEEDED = ("date", "close")
NUMBERS = (*BAR_COLUMNS, "split", "dividend")
# A time of day after the date is cut off as text: a shift to UTC would move eastern exchanges by a day.
DAY = r"^\s*(\d{4}-\d{2}-\d{2})(?:[ T].*)?$"


class CsvSource:
    """Prices from files `TICKER.csv` with a header line.

    Columns `date` (YYYY-MM-DD) and `close` are needed; `open`, `high`, `low`, `volume`, `dividends` and
    `splits` are read where they exist. Prices, volume and dividends are split-adjusted to the end of the
    file, so `splits` must be there if any took place. `adj_close` and other columns are not read.

    Args:
        folder: Where the files are.

    Raises:
        SourceError: The folder holds no such file.
    """

    name = "csv"
    live = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not self.tickers():
            raise SourceError(
                f"Expected a folder with files such as AAPL.csv, found none in {folder}; check the path."
            )

    def tickers(self) -> tuple[str, ...]:
        """Return the symbols that have a file, sorted."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.csv") if is_symbol(path.stem)))

    def last_session(self, tickers: tuple[str, ...]) -> date | None:
        """Return the newest session over the readable files of `tickers`, over all where none can be read."""
        sessions = self._last_sessions(tickers) or self._last_sessions(self.tickers())
        return max(sessions, default=None)

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        """Fetch the as-traded bars of one file."""
        # Cut only after undoing: a split after `end` is in the file's prices all the same.
        bars, actions = undo_splits(*_read(ticker, self._find(ticker)))
        history = build_history(ticker, bars, actions, start=start, end=end, where=str(self.folder))
        return replace(history, owned=bars.index)

    def _find(self, ticker: str) -> Path:
        """Return the path of a ticker's file."""
        check_symbol(ticker, str(self.folder))
        path = self.folder / f"{ticker}.csv"
        if not path.is_file():
            raise UnknownTickerError(ticker, str(self.folder))
        return path

    def _last_sessions(self, tickers: tuple[str, ...]) -> list[date]:
        paths = {ticker: self._find(ticker) for ticker in set(tickers) & set(self.tickers())}
        days = (_read_last(ticker, path, path.stat().st_mtime_ns) for ticker, path in paths.items())
        return [day for day in days if day is not None]


@register("csv")
def open_csv(settings: Settings) -> PriceSource:
    """Open the configured folder.

    Raises:
        SourceError: None is configured, or it holds no file.
    """
    if settings.csv_dir is None:
        raise SourceError("Expected a folder of TICKER.csv files for the csv source, found none; name one.")
    return CsvSource(settings.csv_dir)


@functools.lru_cache(maxsize=4096)
def _read_last(ticker: str, path: Path, modified_ns: int) -> date | None:  # noqa: ARG001 (names the version)
    """Read the newest session of one version of a file; None where it cannot be read, which fetch reports."""
    with contextlib.suppress(PriceError):
        bars, _ = _read(ticker, path)
        last: date | None = bars.index.max().date() if len(bars) else None
        return last
    return None


def _read(ticker: str, path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    frame = _parse(ticker, _read_text(ticker, path))
    return as_bars(frame), as_actions(frame)


def _read_text(ticker: str, path: Path) -> pd.DataFrame:
    """Read the file as text, its columns named as those of a history."""
    try:
        table = pd.read_csv(path, dtype=str)
    except (ValueError, OSError) as error:
        raise BadBarsError(ticker, "a readable CSV file", str(error)) from error
    table.columns = table.columns.str.strip().str.lower().str.replace(" ", "_")
    table = table.rename(columns=RENAMED)
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise BadBarsError(
            ticker, "columns date and close", f"no column {' or '.join(missing)} in {path.name}"
        )
    return table


def _parse(ticker: str, table: pd.DataFrame) -> pd.DataFrame:
    """Parse the numeric columns, indexed by day."""
    days = pd.to_datetime(table["date"].str.extract(DAY, expand=False), format="%Y-%m-%d", errors="coerce")
    _refuse(ticker, table["date"], days.isna(), expected="dates as YYYY-MM-DD")
    numbers = {name: pd.to_numeric(table[name], errors="coerce") for name in NUMBERS if name in table}
    for name, values in numbers.items():
        _refuse(
            ticker, table[name], values.isna() & table[name].notna(), expected=f"numbers in column {name}"
        )
    return pd.DataFrame(numbers).set_index(pd.DatetimeIndex(days))


def _refuse(ticker: str, column: pd.Series, wrong: pd.Series, *, expected: str) -> None:
    """Raise if a value is wrong, naming the first one and its line.

    Raises:
        BadBarsError: One is.
    """
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadBarsError(ticker, expected, f"'{column.iloc[row]}' in line {row + 2}")
