"""Days of price files: the session that a folder has reached, and the bars that no session can have."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from price_files import FULL, Write

from flows.settings import load_settings
from flows.sources import CsvSource, open_source
from forecasting.calendars.lookup import CalendarChange, Calendars
from forecasting.errors import UnfinishedSessionError, WrongSessionsError

END = date(2024, 6, 30)
NOW = datetime(2024, 7, 5, tzinfo=UTC)


def test_the_last_session_is_what_half_of_the_readable_files_have(write: Write) -> None:
    write("date,close\n2024-07-01,1\n", "NEWER")
    write("date,close\n2024-07-02,1\nsome day,2\n", "BROKEN")
    source = write(FULL)
    assert source.last_session(("ACME",)) == date(2024, 6, 5)
    assert source.last_session(("ACME", "NEWER", "BROKEN", "NONE")) == date(2024, 7, 1)
    assert source.last_session(("NONE",)) == date(2024, 7, 1)
    assert source.tickers() == ("ACME", "BROKEN", "NEWER")
    write(FULL, "SAME")
    assert source.last_session(source.tickers()) == date(2024, 6, 5)


def test_a_day_that_is_not_over_is_refused_and_does_not_count_as_the_last(
    write: Write, tmp_path: Path
) -> None:
    write(FULL)
    write(FULL.replace("2024-06-05", "2104-06-05"), "TYPO")
    write(FULL + "2024-07-05,12,12,12,12,12,1,0,0\n", "EARLY")  # before the close of that day
    source = CsvSource(tmp_path, NOW)
    assert source.last_session(("TYPO", "EARLY")) == date(2024, 6, 5)
    write(FULL.replace("2024-06-05", "2104-06-05"), "WRONG")
    assert source.last_session(("ACME", "TYPO", "WRONG")) == date(2024, 6, 5)
    assert source.fetch("ACME", None, END).last_session == date(2024, 6, 5)
    for ticker, found in (("TYPO", "2104-06-05"), ("EARLY", "2024-07-05")):
        with pytest.raises(UnfinishedSessionError, match=f"no bar after 2024-07-04, found one of {found}"):
            source.fetch(ticker, None, END)


def test_the_newest_day_may_be_an_opening(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saturday = date(2024, 6, 8)
    write(FULL + f"{saturday},12,12,12,12,12,1,0,0\n")
    settings = {"SOURCE": "csv", "CSV_DIR": str(tmp_path), "OPENINGS": f"XNYS:{saturday}"}
    for name, value in settings.items():
        monkeypatch.setenv(f"BANDCAST_{name}", value)
    source = open_source(load_settings(), datetime(2024, 6, 8, 22, tzinfo=UTC))
    assert source.last_session(("ACME",)) == saturday
    assert source.fetch("ACME", None, saturday).last_session == saturday


def test_the_newest_day_may_count_as_closed(write: Write, tmp_path: Path) -> None:
    """Whoever reads the file leaves its bar out."""
    write(FULL)
    last = date(2024, 6, 5)
    calendars = Calendars(changes=frozenset({CalendarChange("XNYS", last, "closure")}))
    source = CsvSource(tmp_path, datetime(2024, 6, 5, 22, tzinfo=UTC), calendars)
    assert source.fetch("ACME", None, END).last_session == last


def test_a_last_bar_of_a_day_off_refuses_the_file_only_before_that_day(write: Write, tmp_path: Path) -> None:
    saturday = datetime(2024, 6, 8, 12, tzinfo=UTC)
    for ticker, day in (("ACME", 8), ("EARLY", 9)):
        write(FULL + f"2024-06-{day:02},12,12,12,12,12,1,0,0\n", ticker)
    source = CsvSource(tmp_path, saturday)
    assert source.fetch("ACME", None, date(2024, 6, 7)).last_session == date(2024, 6, 5)
    with pytest.raises(UnfinishedSessionError, match="no bar after 2024-06-08, found one of 2024-06-09"):
        source.fetch("EARLY", None, END)


def test_a_last_bar_of_a_day_off_counts_as_none(write: Write, tmp_path: Path) -> None:
    """Else files of an exchange that had closed no session since would be held to one."""
    holiday = "2024-05-03"  # of Tokyo; New York trades
    for ticker in ("7203.T", "6758.T"):
        write(f"date,close\n2024-05-01,1\n2024-05-02,1\n{holiday},1\n", ticker)
    write("date,close\n2024-05-01,1\n2024-05-02,1\n", "ACME")
    morning = datetime(2024, 5, 3, 12, tzinfo=UTC)
    source = CsvSource(tmp_path, morning)
    assert source.last_session(source.tickers()) == date(2024, 5, 2)
    closed = frozenset(CalendarChange(name, date(2024, 5, 2), "closure") for name in ("XTKS", "XNYS"))
    source = CsvSource(tmp_path, morning, Calendars(changes=closed))
    assert source.last_session(source.tickers()) == date(2024, 5, 1)
    write("date,close\n2024-06-06,1\n2024-06-08,1\n", "WEEKEND")  # Friday's bar as one of Saturday
    assert CsvSource(tmp_path).last_session(("WEEKEND",)) == date(2024, 6, 7)


@pytest.mark.parametrize(
    ("lasts", "expected"),
    [
        ({"7203.T": 2, "6758.T": 2, "9984.T": 2, "ACME": 3}, 3),  # Tokyo is closed until Tuesday
        ({"7203.T": 2, "6758.T": 2, "ACME": 2}, 2),
        ({"ACME": 3, "BEST": 3, "CODE": 3, "BTC-USD": 5}, 5),  # Saturday and Sunday
        ({"ACME": 2, "BEST": 2, "CODE": 2, "BTC-USD": 5}, 2),
    ],
)
def test_files_of_an_exchange_on_holiday_hold_back_no_others(
    write: Write, tmp_path: Path, lasts: dict[str, int], expected: int
) -> None:
    for ticker, last in lasts.items():
        write(f"date,close\n2024-05-01,1\n2024-05-{last:02},1\n", ticker)
    assert CsvSource(tmp_path).last_session(tuple(lasts)) == date(2024, 5, expected)


@pytest.mark.parametrize("strays", [1, 2])
def test_last_days_of_a_mistyped_past_year_are_refused_and_do_not_count(
    write: Write, tmp_path: Path, strays: int
) -> None:
    write(FULL)
    kept, mistyped = FULL.splitlines()[:-strays], FULL.splitlines()[-strays:]
    write("\n".join((*kept, *(row.replace("2024", "2025") for row in mistyped))) + "\n", "TYPO")
    source = CsvSource(tmp_path, datetime(2026, 7, 5, tzinfo=UTC))
    assert source.last_session(("ACME", "TYPO")) == date(2024, 6, 5)
    days = f"{kept[-1][:10]}, then {mistyped[0].replace('2024', '2025')[:10]}"
    with pytest.raises(WrongSessionsError, match=f"a bar for each session, found {days}"):
        source.fetch("TYPO", None, END)


def test_a_longer_file_has_a_later_last_session(write: Write) -> None:
    assert write(FULL).last_session(("ACME",)) == date(2024, 6, 5)
    assert write(FULL + "2024-06-06,1,1,1,1,1,1,0,0\n").last_session(("ACME",)) == date(2024, 6, 6)
