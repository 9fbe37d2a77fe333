"""The tickers that a model learns from: a bundled list, a file, or those that are forecast."""

import csv
from importlib import resources
from pathlib import Path

import pytest

from flows.settings import load_settings
from flows.sources.training import choose_training_universe, read_list
from forecasting.calendars.exchanges import calendar_name
from forecasting.calendars.lookup import STANDARD
from forecasting.errors import UsageError
from forecasting.text import is_symbol

SECTORS = {
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
}


def choose(source: str, *tickers: str, universe: str = "") -> tuple[str, int]:
    settings = load_settings(source=source, train_universe=universe)
    chosen = choose_training_universe(settings, tickers, STANDARD)
    assert chosen.tickers[: len(tickers)] == tickers
    return chosen.name, len(chosen.tickers)


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(
    ("source", "tickers", "name", "count"),
    [
        ("yahoo", ("AAPL", "MSFT"), "us-large", 500),
        ("yahoo", ("AAPL", "SMALL"), "us-large", 501),
        ("yahoo", ("AAPL", "7203.T"), "own", 2),
        ("yahoo", ("AAPL", "A.UNKNOWN"), "own", 2),
        ("yahoo", ("BTC-USD",), "own", 1),
        ("csv", ("AAPL",), "own", 1),
        ("sample", ("AAPL",), "own", 1),
    ],
)
def test_american_tickers_of_yahoo_learn_from_the_large_ones(
    source: str, tickers: tuple[str, ...], name: str, count: int
) -> None:
    assert choose(source, *tickers) == (name, count)


@pytest.mark.usefixtures("workplace")
def test_a_setting_decides_otherwise() -> None:
    assert choose("yahoo", "AAPL", universe="own") == ("own", 1)
    assert choose("csv", "AAPL", universe="us-large") == ("us-large", 500)
    settings = load_settings(source="yahoo", train_tickers="IBM,MSFT")
    assert choose_training_universe(settings, ("AAPL",), STANDARD).tickers == ("IBM", "MSFT")


@pytest.mark.parametrize(
    "text", ["ticker,name\nibm,IBM\nKO,Coca-Cola\n", "IBM\n\nKO\nIBM\n", "\ufeffname,Ticker\nx,IBM\ny,KO\n"]
)
def test_a_file_is_a_table_or_one_symbol_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8")
    assert read_list(str(tmp_path / "mine.csv")) == ("IBM", "KO")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "cannot be read"),
        (b"", "no symbol"),
        (b"IBM\nno one!\n", "no one!"),
        (b"\xff\xfe", "read"),
        (b"date,close\n2024-06-03,10\n", "'2024-06-03'"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: bytes | None, found: str) -> None:
    path = tmp_path / "mine.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        UsageError, match=f"(?s)Expected own, us-large or a file .* in BANDCAST_TRAIN_UNIVERSE, .*{found}"
    ):
        read_list(str(path))


def test_the_bundled_list_holds_american_symbols_once_each_with_name_and_sector() -> None:
    path = resources.files("flows").joinpath("universes", "us-large.csv")
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    tickers = [row["ticker"] for row in rows]
    assert tickers == sorted(set(tickers))
    assert 450 <= len(tickers) <= 550
    assert all(is_symbol(ticker) and calendar_name(ticker) == "XNYS" for ticker in tickers)
    assert all(row["name"] for row in rows)
    assert {row["sector"] for row in rows} == SECTORS
