"""The sources that read files."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from price_files import FULL, Write

from flows.settings import load_settings
from flows.sources import CsvSource, SampleSource, YahooSource, open_source
from forecasting.errors import (
    BadBarsError,
    ShortHistoryError,
    SourceError,
    UnknownTickerError,
    UsageError,
)
from forecasting.prices.adjustment import adjust

END = date(2024, 6, 30)
NOW = datetime(2024, 7, 5, tzinfo=UTC)


def test_a_file_becomes_as_traded(write: Write) -> None:
    history = write(FULL).fetch("ACME", None, END)
    assert history.bars["close"].tolist() == [40.0, 44.0, 12.0]
    assert history.bars["high"].tolist() == [42.0, 46.0, 12.5]
    assert history.bars["volume"].tolist() == [1000.0, 1100.0, 1200.0]
    assert history.actions["dividend"].tolist() == [1.0, 0.0]
    assert history.actions["split"].tolist() == [1.0, 4.0]


def test_a_split_after_end_does_not_reach_back(write: Write) -> None:
    history = write(FULL).fetch("ACME", None, date(2024, 6, 4))
    assert adjust(history, date(2024, 6, 4), "split_adjusted")["close"].tolist() == [40.0, 44.0]
    assert history.actions["split"].tolist() == [1.0]


def test_start_and_end_are_both_included(write: Write) -> None:
    history = write(FULL).fetch("ACME", date(2024, 6, 4), date(2024, 6, 5))
    assert [day.day for day in history.bars.index] == [4, 5]


def test_date_and_close_are_enough(write: Write) -> None:
    history = write("Date,Close\n2024-06-03,10\n2024-06-04,11\n").fetch("ACME", None, END)
    assert history.bars["close"].tolist() == [10.0, 11.0]
    assert history.bars["high"].isna().all()
    assert history.actions.empty


def test_a_stamp_with_a_zone_is_the_day_of_the_exchange(write: Write) -> None:
    """Saved from yfinance, in UTC, or with one offset all year round."""
    days = ("2024-06-03 00:00:00+09:00", "2024-06-03 15:00:00+00:00", "2024-06-05T00:00:00+09:00")
    text = "Date,Close,Stock Splits\n" + "".join(f"{day},{9 - row},0\n" for row, day in enumerate(days))
    history = write(text, "7203.T").fetch("7203.T", None, END)
    assert [day.day for day in history.bars.index] == [3, 4, 5]
    winter = "date,close\n2024-01-03 00:00:00-04:00,1\n2024-01-04 00:00:00-04:00,2\n"
    assert [day.day for day in write(winter).fetch("ACME", None, END).bars.index] == [3, 4]


def test_midnights_in_utc_are_the_days_that_are_written(write: Write) -> None:
    text = "date,close\n2024-06-03T00:00:00Z,9\n2024-06-04T00:00:00.000+00:00,8\n"
    for ticker in ("ACME", "ES=F", "7203.T"):
        assert [day.day for day in write(text, ticker).fetch(ticker, None, END).bars.index] == [3, 4]


ROWS = (("2024-06-13", 1010.5), ("2024-06-14", 1011.25), ("2024-06-17", 1012.0))
VENDORS = {
    "newest first": "date,close\n2024-06-17,1012\n2024-06-14,1011.25\n2024-06-13,1010.5\n",
    "a row twice": "date,close\n2024-06-13,1010.5\n2024-06-14,1011.25\n2024-06-14,1011.25\n2024-06-17,1012\n",
    "yahoo of old": "Date,Open,Close,Adj Close\n2024-06-13,10,1010.5,9\n2024-06-14,9,1011.25,9\n"
    "2024-06-15,null,null,null\n2024-06-17,9,1012,9\n",
    "yfinance": "Price,Close,Open\nTicker,ACME,ACME\nDate,,\n2024-06-13,1010.5,9\n2024-06-14,1011.25,9\n"
    "2024-06-17,1012,9\n",
    "stooq": "<TICKER>,<PER>,<DATE>,<TIME>,<CLOSE>,<VOL>\nACME.US,D,20240613,000000,1010.5,1\n"
    "ACME.US,D,20240614,000000,1011.25,1\nACME.US,D,20240617,000000,1012,1\n",
    "nasdaq": "Date,Close/Last,Volume\n"
    "06/17/2024,$1012.00,100\n06/14/2024,$1011.25,100\n06/13/2024,$1010.50,1\n",
    "investing": '"Date","Price","Vol.","Change %"\n"06/17/2024","1,012.00","1.5M","1%"\n'
    '"06/14/2024","1,011.25","-","2%"\n"06/13/2024","1,010.50","900K","0%"\n',
    "alpha vantage": "timestamp,close,volume,dividend_amount,split_coefficient\n"
    "2024-06-17,1012,1,0.0000,1.0\n"
    "2024-06-14,1011.25,1,0.0000,1.0\n2024-06-13,1010.5,1,0.0000,1.0\n",
    "semicolons and decimal commas": "Date;Close\n"
    "13.06.2024; 1010,50\n14.06.2024;1.011,25\n17.06.2024;1.012,00\n",
    "days first": "date,close\n13/06/2024,1010.5\n14/06/2024,1011.25\n17/06/2024,1012\n",
    "names of months": 'date,close\n"Jun 13, 2024",1010.5\n"Jun 14, 2024",1011.25\n"Jun 17, 2024",1012\n',
    "an index of pandas": ",Close\n2024-06-13,1010.5\n2024-06-14,1011.25\n2024-06-17,1012\n",
    "times of day": "date,close\n2024-06-13 16:00:00,1010.5\n2024-06-14 16:00:00,1011.25\n"
    "2024-06-17 13:00:00,1012\n",
    "milliseconds": "date,close\n2024-06-13 00:00:00.000,1010.5\n2024-06-14 00:00:00.000,1011.25\n"
    "2024-06-17 00:00:00.000,1012\n",
    "metatrader": "<DATE>\t<CLOSE>\n2024.06.13\t1010.5\n2024.06.14\t1011.25\n2024.06.17\t1012\n",
    "two digits of a year": "date,close\n13-Jun-24,1010.5\n14-Jun-24,1011.25\n17-Jun-24,1012\n",
    "excel": "sep=;\ndate;close\n2024-06-13;1010,5\n2024-06-14;1011,25\n2024-06-17;1012,0\n",
    "switzerland": "date;close\n13.06.2024;1'010.50\n14.06.2024;1’011.25\n17.06.2024;1'012.00\n",
    "india": 'date,close,volume\n13-Jun-2024,"1,010.50","10,08,05,600"\n14-Jun-2024,"1,011.25",900\n'
    '17-Jun-2024,"1,012.00","1,00,600"\n',
    "marks that nobody sees": "\u200bdate,close\n\u200e2024-06-13,1010.5\n\u200e2024-06-14,1011.25\u200f\n"
    "2024-06-17,\u2066 1012\u2069\n",
    "line ends of old": "date,close\r2024-06-13,1010.5\r2024-06-14,1011.25\r2024-06-17,1012",
}


@pytest.mark.parametrize("text", VENDORS.values(), ids=VENDORS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_as_vendors_write_it(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "ACME.csv").write_bytes(text.encode(encoding))
    bars = CsvSource(tmp_path).fetch("ACME", None, END).bars
    assert tuple(zip(bars.index.strftime("%Y-%m-%d"), bars["close"], strict=True)) == ROWS


def test_volume_has_units_and_a_dash_for_none(write: Write) -> None:
    text = 'date,close,vol\n2024-06-13,1,1.5M\n2024-06-14,1,-\n2024-06-17,1,"3,400,516"\n2024-06-18,1,2K\n'
    volume = write(text).fetch("ACME", None, END).bars["volume"]
    assert volume.fillna(-1).tolist() == [1.5e6, -1, 3_400_516, 2000]


def test_rows_without_a_close_are_left_out_and_noted(write: Write) -> None:
    text = "date,close\n2024-06-13,1\n2024-06-14,\n2024-06-17,1\n2024-06-17,\n"  # the last as of a day begun
    history = write(text).fetch("ACME", None, END)
    assert history.bars.index.strftime("%m-%d").tolist() == ["06-13", "06-17"]
    assert history.notes == ("2 rows without a close left out, such as 2024-06-17",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "an empty file"),
        ("\n\n", "an empty file"),
        ("date,close\n", "found no rows"),
        ("date,adj close\n2024-06-03,10\n", "no column close"),
        ("session,price\n2024-06-03,10\n", "no column date"),
        ("close,date,Close\n1,2024-06-03,10\n", "column close twice: 'close' and 'Close'"),
        (
            "date,close,Split Ratio\n2024-06-03,10,1.0\n2024-06-04,5,2.0\n",
            "'2.0' in column split_ratio, line 3",
        ),
        ("date,close,Ex-Dividend\n2024-06-03,10,0.5\n", "'0.5' in column ex_dividend, line 2"),
        (
            "symbol,date,close\nA,2024-06-03,10\nB,2024-06-03,10\n",
            "one ticker.*'b' in column symbol",
        ),
        (
            "date,close,volume\n2024-06-03,$10,25\n2024-06-04,$10, 05\n",
            "found '05' in column volume, line 3, as after a comma of decimals without quotes",
        ),
        (
            "date,close,Currency\n2024-06-02,10,N/A\n2024-06-03,10,GBp\n2024-06-04,10,\n2024-06-05,10,GBP\n",
            "one currency in a file, found 'GBP' in column currency, line 5",
        ),
        (
            "date,close\n2024-06-03,$10\n2024-06-04,10\n2024-06-05,10 €\n",
            "prices of one currency, found \\$ in line 2, then € in line 4",
        ),
        ("per,date,close\n60,2024-06-03,10\n", "daily bars.*'60' in column per"),
        ("Price,Close,Close.1\nTicker,A,B\nDate,,\n2024-06-03,10,1\n", "one ticker in a file, found A and B"),
        ("date,close\n2024-06-03,10\n2024-06-04,ten\n", "numbers in column close, found 'ten' in line 3"),
        ("date,close\n\n2024-06-03,ten\n", "'ten' in line 3"),
        ("date,close\n03/06/2024,10\n", "'03/06/2024' in line 2, which leaves day and month open"),
        ('date,close\n2024-06-03,"1,234"\n', "'1,234' in line 2, whose comma may be"),
        ("date,close\n1717372800,10\n", "'1717372800' in line 2"),
        ("date,close\n2024-02-30,10\n", "'2024-02-30' in line 2"),
        ("date,close\n2024-06-03 10:00,10\n2024-06-03 11:00,11\n", "one bar for each day.*11:00' in line 3"),
        (
            "date,close\n2024-06-03 00:00Z,10\n2024-06-04,11\n",
            "a time zone in .*'2024-06-04' in line 3",
        ),
        ("date,close\n2024-06-03,10\n2024-06-03,11\n", "2024-06-03 in line 2, then 2024-06-03 in line 3"),
        (
            "date,close\n2024-06-03,1\n2104-06-04,1\n2024-06-05,1\n2024-06-06,1\n",
            "2104-06-04 in line 3, then 2024-06-05 in line 4",
        ),
        ("date,close\n2024-06-03,-1\n", "close -1 at 2024-06-03"),
        ("date,close,splits\n2024-06-03,1,-2\n", "split -2 at 2024-06-03"),
        ("date,close\n2024-06-03,1,2,3\n", "2 cells in every line, found 4 in line 2"),
        ("date,open,close\n2024-06-03,1\n", "3 cells in every line, found 2 in line 2"),
        (
            "Prices of ACME, in dollars\ndate,open,close\n2024-06-03,1,1\n",
            "a header line .* found 'Prices of ACME,in dollars' in its place",
        ),
        ('{"error": null, "code": 404}', "a header line .* found .* in its place"),
        ("Ticker,ACME\ndate,close\n2024-06-03,1\n", "found no column date or close in 'Ticker,ACME'"),
        ('date,close\n2024-06-03,"1\n', "found"),
        ("date,close\n2024-06-03,1\0\n", "UTF-8, found a zero byte in line 2"),
        (
            "Prices of mine\ndate,close\n2024-06-03,1\n",
            "a header line .* found 'Prices of mine' in its place",
        ),
    ],
)
def test_the_error_for_a_bad_file_names_the_place(write: Write, text: str, sentence: str) -> None:
    with pytest.raises(BadBarsError, match=sentence):
        write(text).fetch("ACME", None, END)


def test_a_folder_or_a_link_to_nothing_is_no_file(write: Write) -> None:
    source = write(FULL)
    (source.folder / "DIR.csv").mkdir()
    (source.folder / "GONE.csv").symlink_to("nowhere.csv")
    for ticker in ("DIR", "GONE"):
        with pytest.raises(BadBarsError, match="found a folder, a device or a link to nothing"):
            source.fetch(ticker, None, END)


@pytest.mark.parametrize("ticker", ["NONE", "../ACME", "/etc/passwd", "acme", "", "ACME\n"])
def test_what_has_no_file_is_unknown(write: Write, ticker: str) -> None:
    source = write(FULL)
    with pytest.raises(UnknownTickerError):
        source.fetch(ticker, None, END)


def test_prices_that_begin_after_end_are_no_misspelt_symbol(write: Write) -> None:
    with pytest.raises(ShortHistoryError, match="found 0, since its prices begin at 2024-06-03;"):
        write(FULL).fetch("ACME", None, date(2024, 6, 1))


@pytest.mark.parametrize(
    ("ticker", "written", "notes"),
    [
        ("BRK-B", "brk.b", ()),
        ("AAPL", "AAPL.US", ()),
        ("7203.T", "7203", ()),
        ("ACME", "", ()),
        ("AAPL", "MSFT", ("column symbol names MSFT, the file AAPL",)),
    ],
)
def test_a_column_that_names_another_ticker_is_noted(
    write: Write, ticker: str, written: str, notes: tuple[str, ...]
) -> None:
    text = f"Symbol,date,close\n{written},2024-06-03,1\n{written},2024-06-04,1\n"
    assert write(text, ticker).fetch(ticker, None, END).notes == notes


def test_files_whose_names_are_no_symbols_are_listed(write: Write, tmp_path: Path) -> None:
    source = write(FULL)
    for name in ("lower.csv", "UPPER.CSV", "SPACE .csv", "ACME.csv.gz", "notes.txt"):
        (tmp_path / name).write_text(FULL)
    assert source.tickers() == ("ACME",)
    assert source.ignored_files() == ("ACME.csv.gz", "SPACE .csv", "UPPER.CSV", "lower.csv")
    assert SampleSource().ignored_files() == YahooSource().ignored_files() == ()


def test_a_folder_without_files_is_no_source_and_one_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    for folder, error in ((tmp_path, SourceError), (tmp_path / "missing", UsageError)):
        with pytest.raises(error, match=r"AAPL\.csv"):
            CsvSource(folder)


def test_the_csv_source_needs_a_folder() -> None:
    with pytest.raises(UsageError, match="give --csv-dir"):
        open_source(load_settings(source="csv"), NOW)
