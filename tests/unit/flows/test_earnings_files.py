"""`earnings.csv` beside the prices: read, refused with its line, and switched off."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.settings import load_settings
from flows.sources.csv_folder import CsvSource
from flows.sources.csv_folder.earnings import read_earnings
from flows.sources.earnings import NO_REPORTS, ListedReports, read_earnings_dates
from flows.sources.sample import SampleSource
from flows.sources.yahoo import YahooSource
from forecasting.calendars.reports import EarningsDates, Report
from forecasting.errors import SourceError

PRICES = "date,close\n2024-01-02,10\n2024-01-03,11\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "AAPL.csv").write_text(PRICES)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "earnings.csv"
    path.write_text(text)
    return path


def test_reports_are_read_by_ticker_in_order_of_time(folder: Path) -> None:
    path = write(
        folder,
        "Ticker,Date,When,Known_since\n"
        "msft,2024-01-30,after_close,2024-01-09\n"
        "AAPL,2024-02-01,AFTER_CLOSE,\n"
        "AAPL,2023-11-02,,\n"
        "AAPL,2023-11-02,,\n",
    )
    assert read_earnings(path).reports == {
        "MSFT": (Report(date(2024, 1, 30), "after_close", date(2024, 1, 9)),),
        "AAPL": (Report(date(2023, 11, 2)), Report(date(2024, 2, 1), "after_close")),
    }


def test_companies_that_report_on_one_day_may_have_times_of_their_own(folder: Path) -> None:
    path = write(folder, "symbol,date,when\nAAA,2024-01-30 16:30,AMC\nBBB,2024-01-30 07:00,Before Open\n")
    assert read_earnings(path).reports == {
        "AAA": (Report(date(2024, 1, 30), "after_close"),),
        "BBB": (Report(date(2024, 1, 30), "before_open"),),
    }


def test_a_time_zone_makes_the_day_at_the_exchange_of_the_ticker(folder: Path) -> None:
    path = write(
        folder,
        "ticker,date,known_since\n"
        "7203.T,2020-02-06T08:30:00+09:00,2020-01-06T08:30:00+09:00\n"
        "6758.T,2020-02-06T03:00:00Z,\n"
        "AAPL,2020-01-29T02:30:00Z,\n"
        "BARC.L,2020-02-13T00:00:00Z,\n",
    )
    assert {
        ticker: (own[0].day, own[0].known_since) for ticker, own in read_earnings(path).reports.items()
    } == {
        "7203.T": (date(2020, 2, 6), date(2020, 1, 6)),
        "6758.T": (date(2020, 2, 6), None),
        "AAPL": (date(2020, 1, 28), None),
        "BARC.L": (date(2020, 2, 13), None),
    }


def test_a_header_alone_has_no_dates_yet(folder: Path) -> None:
    assert read_earnings(write(folder, "ticker,date\n")) == NO_REPORTS


def test_ticker_and_date_are_enough(folder: Path) -> None:
    assert read_earnings(write(folder, "ticker;date\nAAPL;2024-02-01\n")) == ListedReports(
        {"AAPL": (Report(date(2024, 2, 1)),)}
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ticker,day\nAAPL,2024-02-01\n", "no column date"),
        ("ticker,date,date\nAAPL,2024-02-01,2024-02-01\n", "a column twice"),
        ("ticker,date\nAAPL,soon\n", "line 2, 'soon' in column date"),
        ("ticker,date,when\nAAPL,2024-02-01,noon\n", "'noon' in column when"),
        ("ticker,date,known_since\nAAPL,2024-02-01,long\n", "line 2, 'long' in column known_since"),
        ("ticker,date,when\nAAPL,2024-02-01\n", "line 2, 2 cells for 3 columns"),
        ("", "an empty file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(folder: Path, text: str, sentence: str) -> None:
    with pytest.raises(SourceError, match=rf"earnings\.csv: expected .*{sentence}"):
        read_earnings(write(folder, text))


@pytest.mark.parametrize("day", ["2109-02-01", "2026-07-06", "1019-02-01", "0024-02-01"])
def test_a_date_of_a_mistyped_year_is_left_out(folder: Path, day: str) -> None:
    write(folder, f"ticker,date\nAAPL,2024-02-01\nAAPL,{day}\nAAPL,2026-07-05\n")
    listed = CsvSource(folder, datetime(2024, 7, 5, tzinfo=UTC)).earnings()
    assert [report.day for report in listed.reports["AAPL"]] == [date(2024, 2, 1), date(2026, 7, 5)]
    assert listed.faults == (
        f"earnings.csv: a row left out: line 3, '{day}' in column date, of a mistyped year; "
        "correct the file.",
    )


GOOD = (
    "ticker,date,when,known_since\nAAPL,2024-02-01,amc,\nMSFT,2024-01-30,,2024-01-09\nIBM,2024-01-24,bmo,\n"
)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("AAPL,soon,,", "line 5, 'soon' in column date"),
        ("AAPL,2024-02-30,,", "line 5, '2024-02-30' in column date"),
        ("AAPL,02/01/2023,,", "line 5, '02/01/2023' in column date"),
        ("AAPL,,,", "line 5, '' in column date"),
        ("AAPL,2023-02-02T00:00Z,,", "line 5, '2023-02-02T00:00Z' in column date"),
        ("Apple Inc.,2023-02-02,,", "line 5, 'Apple Inc.' in column ticker"),
        (",2023-02-02,,", "line 5, '' in column ticker"),
        ("AAPL,2023-02-02,noon,", "line 5, 'noon' in column when"),
        ("AAPL,2023-02-02,,January", "line 5, 'January' in column known_since"),
        ("AAPL,2023-02-02", "line 5, 2 cells for 4 columns"),
        ("AAPL,2023-02-02,amc,,,x", "line 5, 6 cells for 4 columns"),
        ("Source: a vendor", "line 5, 1 cell for 4 columns"),
        ("AAPL,2024-02-01,bmo,", "line 5, AAPL on 2024-02-01 again, with other values"),
    ],
)
def test_a_row_that_cannot_be_read_takes_no_other_with_it(folder: Path, row: str, fault: str) -> None:
    good = read_earnings(write(folder, GOOD))
    assert good.faults == ()
    listed = read_earnings(write(folder, f"{GOOD}{row}\n"))
    assert listed.reports == good.reports
    assert listed.faults == (f"earnings.csv: a row left out: {fault}; correct the file.",)
    with pytest.raises(SourceError, match="a row left out"):
        read_earnings_dates(load_settings(), CsvSource(folder), ["AAPL"])


def test_most_rows_must_be_readable(folder: Path) -> None:
    write(folder, "ticker,date\nA,1 Jan\nB,2 Jan\nC,2024-01-03\n")
    with pytest.raises(SourceError, match="line 2, '1 Jan' in column date"):
        CsvSource(folder).earnings()


def test_a_folder_reads_its_file_and_does_not_take_it_for_prices(folder: Path) -> None:
    source = CsvSource(folder)
    assert source.earnings() == NO_REPORTS
    write(folder, "ticker,date\nAAPL,2024-02-01\n")
    assert source.tickers() == ("AAPL",)
    assert source.ignored_files() == ()
    settings = load_settings(earnings_known_ahead=5)
    assert read_earnings_dates(settings, source, ["AAPL", "IBM"]) == {
        "AAPL": EarningsDates((Report(date(2024, 2, 1)),), 5),
        "IBM": EarningsDates((), 5),
    }


def test_dates_can_be_switched_off_and_are_optional(folder: Path) -> None:
    write(folder, "ticker,date\nAAPL,2024-02-01\n")
    off = load_settings(earnings="off")
    assert read_earnings_dates(off, CsvSource(folder), ["AAPL"]) == {"AAPL": EarningsDates()}
    assert read_earnings_dates(load_settings(), YahooSource(), ["AAPL"]) == {"AAPL": EarningsDates()}


def test_the_sample_has_dates_of_two_of_its_shares() -> None:
    reports = SampleSource().earnings().reports
    assert {ticker: len(own) for ticker, own in reports.items()} == {"AAPL": 34, "MSFT": 38}
    assert reports["AAPL"][-1] == Report(date(2013, 1, 23))
