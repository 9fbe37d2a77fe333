"""Bad input: a named reason or one sentence, nothing half-written, and the others go on."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from flow_runs import complete, fail
from reading_store import rows

from flows.daily import daily
from flows.sources import SampleSource
from forecasting.errors import SourceError

pytestmark = pytest.mark.usefixtures("prefect_url")

Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def negative(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(close=frame["close"].where(frame.index != frame.index[-50], -1.0))


def missing(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(close=frame["close"].where(frame.index != frame.index[-50]))


def text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(close="n/a")


BAD_FILES: dict[str, tuple[Spoil, str]] = {
    "NEGATIVE": (negative, "non_positive_price"),
    "MISSING": (missing, "bad_bars"),
    "TEXT": (text, "bad_bars"),
    "EMPTY": (lambda frame: frame.iloc[:0], "unknown_ticker"),
    "SHORT": (lambda frame: frame.iloc[-100:], "short_history"),
    "NOCLOSE": (lambda frame: frame[["open"]], "bad_bars"),
    "TWICE": (lambda frame: pd.concat([frame, frame.iloc[-1:]]), "bad_bars"),
    "STALE": (lambda frame: frame.iloc[:-1], "stale"),
}


def write(folder: Path, ticker: str, spoil: Spoil) -> None:
    bars = SampleSource().fetch("IBM", None, date(2013, 3, 1)).bars.iloc[-700:]
    spoil(bars).rename_axis("date").to_csv(folder / f"{ticker}.csv")


def test_bad_files_are_quarantined_and_the_others_go_on(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "0.2")
    folder = workplace / "prices"
    folder.mkdir()
    for ticker in ("AAPL", "IBM"):
        write(folder, ticker, lambda frame: frame)
    for ticker, (spoil, _) in BAD_FILES.items():
        write(folder, ticker, spoil)
    summary = complete(daily, source="csv", csv_dir=str(folder))
    assert summary.tickers == ("AAPL", "IBM")
    assert {ticker: error.reason for ticker, error in summary.quarantined.items()} == {
        ticker: reason for ticker, (_, reason) in BAD_FILES.items()
    }
    for ticker, error in summary.quarantined.items():
        assert str(error).startswith(f"{ticker}: expected ")
        assert "found" in str(error)
    assert rows("SELECT DISTINCT ticker FROM forecasts ORDER BY ticker") == [("AAPL",), ("IBM",)]


def test_an_empty_folder_is_one_sentence(workplace: Path) -> None:
    (workplace / "empty").mkdir()
    error = fail(daily, source="csv", csv_dir=str(workplace / "empty"))
    assert isinstance(error, SourceError)
    assert "empty" in str(error)
