"""Bad input: a named reason or one sentence, nothing half-written, and the others go on."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from flow_runs import complete, fail
from reading_store import rows

from flows.backfill import backfill
from flows.daily import daily
from flows.sources import SampleSource
from forecasting.errors import SourceError

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def negative(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(close=frame["close"].where(frame.index != frame.index[-50], -1.0))


def another_last_row(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[-1:] * 1.01])


def unadjusted_split(frame: pd.DataFrame) -> pd.DataFrame:
    later = (frame.index >= frame.index[-20]).astype(float)  # a fourth of the price, four times the shares
    prices = frame.drop(columns="volume").div(1 + 3 * later, axis=0)
    return prices.assign(volume=frame["volume"] * (1 + 3 * later))


def mistyped_year(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(index={frame.index[-1]: pd.Timestamp("2103-03-01")})


def text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(close="n/a")


BAD_FILES: dict[str, tuple[Spoil, str]] = {
    "NEGATIVE": (negative, "non_positive_price"),
    "TEXT": (text, "bad_bars"),
    "EMPTY": (lambda frame: frame.iloc[:0], "bad_bars"),
    "SHORT": (lambda frame: frame.iloc[-100:], "short_history"),
    "NOCLOSE": (lambda frame: frame[["open"]], "bad_bars"),
    "TWICE": (another_last_row, "bad_bars"),
    "WEEKLY": (lambda frame: frame.iloc[::-5].iloc[::-1], "wrong_sessions"),
    "FROZEN": (lambda frame: frame.assign(open=9.0, high=9.0, low=9.0, close=9.0), "stale_price"),
    "SPLIT": (unadjusted_split, "unadjusted_split"),
    "TYPO": (mistyped_year, "unfinished_session"),
    "STALE": (lambda frame: frame.iloc[:-1], "stale"),
}


def write(folder: Path, ticker: str, spoil: Spoil) -> None:
    bars = SampleSource().fetch("IBM", None, date(2013, 3, 1)).bars.iloc[-700:]
    spoil(bars).rename_axis("date").to_csv(folder / f"{ticker}.csv")


def test_bad_files_are_quarantined_and_the_others_go_on(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "0.1")
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
    assert summary.notes == ()
    for ticker, error in summary.quarantined.items():
        assert str(error).startswith(f"{ticker}: expected ")
        assert "found" in str(error)
    assert rows("SELECT DISTINCT ticker FROM forecasts ORDER BY ticker") == [("AAPL",), ("IBM",)]


def test_an_empty_folder_is_one_sentence(workplace: Path) -> None:
    (workplace / "empty").mkdir()
    error = fail(daily, source="csv", csv_dir=str(workplace / "empty"))
    assert isinstance(error, SourceError)
    assert "empty" in str(error)


def test_a_backfill_that_ends_too_late_names_its_end() -> None:
    error = fail(backfill, start=date(2013, 2, 25), end=date(2030, 1, 1), tickers=["AAPL"])
    assert str(error) == (
        "Expected end at 2013-03-01 (the last session with prices) or before, found 2030-01-01."
    )
    error = fail(daily, as_of=date(2030, 1, 1), tickers=["AAPL"])
    assert str(error).startswith("Expected as_of at 2013-03-01 ")


def test_a_backfill_that_fails_says_why_its_first_session_has_no_bands() -> None:
    error = fail(backfill, start=date(2000, 5, 1), end=date(2000, 5, 2), tickers=["IBM"])
    assert str(error).startswith(
        "Expected bands of all sessions from 2000-05-01 to 2000-05-02, found no new ones of"
    )
    assert "IBM: expected at least 64 sessions of history, found 43; wait or load" in str(error)


@pytest.mark.parametrize("start", [date(2000, 2, 1), date(2012, 1, 3)])
def test_a_ticker_without_prices_so_early_is_not_said_to_be_misspelt(start: date) -> None:
    error = fail(backfill, start=start, end=start, tickers=["FB"])
    assert "session of history, found 0, since its prices begin at 2012-05-18; forecast it from" in str(error)


def test_what_is_left_out_of_a_file_is_named(workplace: Path, run_log: list[str]) -> None:
    """A bar on a Saturday, a row without a close, and a file whose name is no symbol."""
    folder = workplace / "prices"
    folder.mkdir()
    write(folder, "CLEAN", lambda frame: frame)
    saturday = pd.Timestamp("2013-02-23")
    write(
        folder, "IBM", lambda frame: pd.concat([frame, frame.iloc[-5:-4].set_axis([saturday])]).sort_index()
    )
    write(
        folder,
        "MSFT",
        lambda frame: frame.assign(close=frame["close"].where(frame.index != frame.index[-50])),
    )
    write(folder, "lower", lambda frame: frame)
    summary = complete(daily, source="csv", csv_dir=str(folder))
    assert summary.tickers == ("CLEAN", "IBM", "MSFT")
    notes = (
        "IBM: 1 bar on days without a session of XNYS left out: 2013-02-23",
        "MSFT: 1 row without a close left out, such as 2012-12-18",
        "MSFT: no bar of 2012-12-18, although later ones have come; it counts as not traded.",
        "files not read, because their names are no TICKER.csv: lower.csv",
    )
    assert summary.notes == notes
    assert summary.plain()["notes"] == list(notes)
    for note in notes:
        assert any(f"ingest: {note}" in line for line in run_log)
    assert rows("SELECT count(*) FROM price_bars WHERE session = '2013-02-23'") == [(0,)]
