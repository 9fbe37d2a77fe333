"""Calendars of a run: symbols that are set, zones of the source, closures found in prices."""

from collections.abc import Collection
from datetime import date

import pytest

from forecasting.calendars.lookup import STANDARD, CalendarChange, Calendars, find_closures, place_by_zone
from forecasting.calendars.sessions import Calendar, next_sessions, sessions_between
from forecasting.errors import UnknownExchangeError
from forecasting.types import ChangeKind

DAY = date(2025, 1, 15)
START, END = date(2025, 1, 6), date(2025, 1, 17)
SESSIONS = sessions_between("XNYS", START, END)


def change(day: date, kind: ChangeKind = "closure", calendar: str = "XNYS") -> CalendarChange:
    return CalendarChange(calendar, day, kind)


@pytest.mark.parametrize(
    ("ticker", "zone", "name"),
    [
        ("AAPL", "America/New_York", "XNYS"),
        ("^VIX", "America/Chicago", "XNYS"),
        ("^NSEI", "Asia/Kolkata", "XBOM"),
        ("^NSEI", "Asia/Calcutta", "XBOM"),  # the same zone by its old name
        ("SAP.DE", "Europe/Paris", "XETR"),  # another name of the same time
        ("CL=F", "America/New_York", "CMES"),  # no exchange's own place
        ("EURUSD=X", "Europe/London", "24/5"),
        ("BTC-USD", "UTC", "24/7"),
        ("^XYZ", "America/New_York", "XNYS"),  # not in the list, but dated in New York
        ("7203.T", None, "XTKS"),  # a file has no zone
    ],
)
def test_the_zone_of_the_source_confirms_the_calendar(ticker: str, zone: str | None, name: str) -> None:
    assert STANDARD.confirm(ticker, zone, DAY).name == name


@pytest.mark.parametrize(
    ("ticker", "zone"),
    [
        ("^XYZ", "Asia/Kolkata"),
        ("^XYZ", "America/Chicago"),
        ("^XYZ", None),
        ("AAPL", "Asia/Tokyo"),
        ("7203.T", "America/New_York"),
        ("VOD.L", "Europe/Paris"),
        ("AAPL", "Nowhere/At_All"),
        ("BRK.B", "America/New_York"),
    ],
)
def test_another_zone_is_an_unknown_exchange_and_names_the_setting(ticker: str, zone: str | None) -> None:
    with pytest.raises(UnknownExchangeError, match=f"BANDCAST_CALENDARS={ticker.replace('^', '.')}:"):
        STANDARD.confirm(ticker, zone, DAY)


def test_a_symbol_that_is_set_follows_its_calendar_whatever_the_zone() -> None:
    calendars = Calendars({"^XYZ": "XBOM", "ABC.QQ": "XPAR"})
    assert calendars.confirm("^XYZ", "Asia/Tokyo", DAY).name == calendars.of("^XYZ").name == "XBOM"
    assert calendars.of("ABC.QQ").name == "XPAR"
    assert calendars.of("AAPL").name == "XNYS"


def test_an_index_of_unknown_place_is_new_yorks_once_the_source_says_so() -> None:
    with pytest.raises(UnknownExchangeError):
        STANDARD.of("^XYZ")
    assert STANDARD.find("^XYZ") is None
    assert STANDARD.presume("^XYZ").name == "XNYS"
    zones = {"^XYZ": "America/New_York", "^ABC": "Asia/Kolkata", "^NSEI": "Asia/Kolkata", "AAPL": None}
    assert place_by_zone(zones) == {"^XYZ": "XNYS"}


def test_closures_and_openings_change_the_sessions_of_their_calendar_alone() -> None:
    saturday = date(2025, 2, 1)
    calendars = Calendars(changes=frozenset({change(DAY), change(saturday, "opening", "XBOM")}))
    assert next_sessions(calendars.of("AAPL"), date(2025, 1, 14), 2) == (date(2025, 1, 16), date(2025, 1, 17))
    assert DAY in next_sessions(calendars.of("7203.T"), date(2025, 1, 14), 2)
    assert saturday in next_sessions(calendars.of("INFY.NS"), date(2025, 1, 31), 1)
    assert saturday not in next_sessions(calendars.of("AAPL"), date(2025, 1, 31), 1)


def find(traded: dict[str, Collection[date]], calendar: str = "XNYS") -> list[date]:
    return find_closures(Calendar(calendar), traded, start=START, end=END)


def without(*days: date) -> list[date]:
    return [session for session in SESSIONS if session not in days]


def test_a_session_that_no_ticker_has_although_later_ones_exist_is_a_closure() -> None:
    assert DAY in SESSIONS
    assert find({"A": without(DAY), "B": without(DAY), "C": without(DAY)}) == [DAY]


@pytest.mark.parametrize(
    "traded",
    [
        {"A": without(DAY)},  # one ticker has a gap
        {"A": without(DAY), "B": without(DAY), "C": SESSIONS},  # another one has traded
        {"A": without(*SESSIONS[-3:]), "B": without(*SESSIONS[-3:])},  # nothing later is known
        {"A": without(DAY), **{name: without(*SESSIONS[-3:]) for name in "BCD"}},  # most have nothing later
        {"A": [], "B": []},
        {"A": [SESSIONS[0], SESSIONS[-1]], "B": SESSIONS[:1]},
    ],
)
def test_anything_less_is_none(traded: dict[str, Collection[date]]) -> None:
    assert find(traded) == []


def test_a_source_with_a_bar_a_week_makes_no_closures() -> None:
    start, end = date(2024, 6, 3), date(2025, 1, 17)
    fridays = [day for day in sessions_between("XNYS", start, end) if day.weekday() == 4]
    assert find_closures(Calendar("XNYS"), {"A": fridays, "B": fridays}, start=start, end=end) == []


def test_what_trades_at_no_exchange_has_no_closures() -> None:
    days = [day for day in sessions_between("24/7", START, END) if day != DAY]
    assert find({"A": days, "B": days}, "24/7") == []
