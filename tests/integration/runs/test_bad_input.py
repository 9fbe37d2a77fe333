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


@pytest.fixture
def folder(workplace: Path) -> Path:
    """Two good files."""
    path = workplace / "prices"
    path.mkdir()
    for ticker in ("AAPL", "IBM"):
        write(path, ticker, lambda frame: frame)
    return path


def write(folder: Path, ticker: str, spoil: Spoil) -> None:
    bars = SampleSource().fetch("IBM", None, date(2013, 3, 1)).bars.iloc[-700:]
    spoil(bars).rename_axis("date").to_csv(folder / f"{ticker}.csv")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (negative, "non_positive_price"),
        (missing, "bad_bars"),
        (text, "bad_bars"),
        (lambda frame: frame.iloc[:0], "unknown_ticker"),
        (lambda frame: frame.iloc[-100:], "short_history"),
        (lambda frame: frame[["open"]], "bad_bars"),
        (lambda frame: pd.concat([frame, frame.iloc[-1:]]), "bad_bars"),
        (lambda frame: frame.iloc[:-1], "stale"),
    ],
)
def test_a_bad_file_is_quarantined_and_the_others_go_on(folder: Path, spoil: Spoil, reason: str) -> None:
    write(folder, "BAD", spoil)
    summary = complete(daily, source="csv", csv_dir=str(folder))
    assert summary.tickers == ("AAPL", "IBM")
    assert summary.quarantined["BAD"].reason == reason
    detail = str(summary.quarantined["BAD"])
    assert detail.startswith("BAD: expected ")
    assert "found" in detail
    assert rows("SELECT count(*) FROM forecasts WHERE ticker = 'BAD'") == [(0,)]


def test_an_empty_folder_is_one_sentence(workplace: Path) -> None:
    (workplace / "empty").mkdir()
    error = fail(daily, source="csv", csv_dir=str(workplace / "empty"))
    assert isinstance(error, SourceError)
    assert "empty" in str(error)
