"""Sessions of several tickers together, as tables: which days count, and which still lack bands."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from forecasting.calendars.lookup import CalendarChange, Calendars
from forecasting.calendars.trading_days import (
    Span,
    find_missing_sessions,
    find_unfinished,
    had_no_session,
    list_calendars,
    list_sessions,
    look_back,
    newest_closed_session,
)
from forecasting.errors import UsageError

LAG = timedelta(minutes=30)
FIRST = date(2024, 1, 2)


def july(*days: int) -> tuple[date, ...]:
    return tuple(date(2024, 7, day) for day in days)


@pytest.mark.parametrize(
    ("tickers", "first", "last", "sessions"),
    [
        (["AAPL"], 1, 8, july(1, 2, 3, 5, 8)),  # the Fourth
        (["7203.T"], 12, 17, july(12, 16, 17)),  # Marine Day
        (["AAPL", "7203.T"], 3, 5, july(3, 4, 5)),
        (["AAPL", "BTC-USD"], 4, 7, july(4, 5, 6, 7)),
        (["BRK.B"], 1, 8, ()),  # of no known exchange
        ([], 1, 8, ()),
        (["AAPL", "BRK.B"], 4, 5, july(5)),
        (["AAPL"], 6, 7, ()),  # a weekend
    ],
)
def test_a_day_counts_where_an_exchange_of_the_tickers_trades(
    tickers: list[str], first: int, last: int, sessions: tuple[date, ...]
) -> None:
    span = Span(date(2024, 7, first), date(2024, 7, last))
    assert tuple(list_sessions(tickers, span)) == sessions


@pytest.mark.parametrize(
    ("tickers", "calendars"),
    [
        ([], []),
        (["BRK.B"], []),
        (["MSFT", "AAPL", "7203.T", "BRK.B", "BTC-USD"], ["24/7", "XNYS", "XTKS"]),
    ],
)
def test_calendars_are_those_of_the_tickers_of_a_known_exchange(
    tickers: list[str], calendars: list[str]
) -> None:
    assert [calendar.name for calendar in list_calendars(tickers)] == calendars


@pytest.mark.parametrize(
    ("day", "finished", "unfinished"),
    [
        (5, [], ("AAPL", "7203.T", "BTC-USD")),
        (5, ["AAPL"], ("7203.T", "BTC-USD")),
        (5, ["AAPL", "7203.T", "BTC-USD"], ()),
        (4, [], ("7203.T", "BTC-USD")),  # New York rests
        (6, [], ("BTC-USD",)),
        (6, ["BTC-USD"], ()),
    ],
)
def test_a_ticker_is_unfinished_where_its_own_exchange_trades(
    day: int, finished: list[str], unfinished: tuple[str, ...]
) -> None:
    (session,) = july(day)
    done = {(ticker, session) for ticker in finished} | {("AAPL", date(2024, 7, 9))}
    assert find_unfinished(["AAPL", "7203.T", "BTC-USD", "BRK.B"], session, done) == unfinished


@pytest.mark.parametrize("sessions", [1, 5, 20, 60])
@pytest.mark.parametrize("as_of", [date(2024, 7, 8), date(2024, 1, 2), date(2024, 12, 26)])
def test_looking_back_finds_enough_sessions_and_not_the_last(as_of: date, sessions: int) -> None:
    span = look_back(as_of, sessions)
    assert span.last == as_of - timedelta(days=1)
    for ticker in ("AAPL", "7203.T"):
        assert len(list_sessions([ticker], span)) >= sessions


@pytest.mark.parametrize(
    ("tickers", "first_sessions", "finished", "missing"),
    [
        (["AAPL"], {"AAPL": FIRST}, [], july(3, 5, 8)),
        (["AAPL"], {}, [], ()),  # never forecast: nothing is missing
        ([], {}, [], ()),
        (["AAPL"], {"AAPL": date(2024, 7, 5)}, [], july(5, 8)),
        (["AAPL"], {"AAPL": date(2024, 7, 9)}, [], ()),
        (["AAPL"], {"AAPL": FIRST}, [("AAPL", 3), ("AAPL", 8)], july(5)),
        (["AAPL"], {"AAPL": FIRST}, [("AAPL", 3), ("AAPL", 5), ("AAPL", 8)], ()),
        (["AAPL", "MSFT"], {"AAPL": FIRST, "MSFT": FIRST}, [("AAPL", 8), ("MSFT", 5)], july(3, 5, 8)),
        (["AAPL", "MSFT"], {"AAPL": FIRST, "MSFT": date(2024, 7, 8)}, [("AAPL", 3), ("AAPL", 5)], july(8)),
        (["AAPL", "7203.T"], {"AAPL": FIRST, "7203.T": FIRST}, [("AAPL", 5), ("AAPL", 8)], july(4, 5, 8)),
        (["AAPL", "BRK.B"], {"AAPL": FIRST, "BRK.B": FIRST}, [("AAPL", 3), ("AAPL", 5)], july(8)),
        (["MSFT"], {"AAPL": FIRST}, [], ()),  # of another universe
    ],
)
def test_a_session_is_missing_where_a_started_ticker_has_neither_forecast_nor_reason(
    tickers: list[str],
    first_sessions: Mapping[str, date],
    finished: list[tuple[str, int]],
    missing: tuple[date, ...],
) -> None:
    found = find_missing_sessions(
        tickers,
        date(2024, 7, 9),
        3,
        first_sessions=first_sessions,
        finished={(ticker, date(2024, 7, day)) for ticker, day in finished},
    )
    assert found == missing


@pytest.mark.parametrize("sessions", [1, 2, 5])
def test_only_so_many_sessions_are_looked_back_on(sessions: int) -> None:
    found = find_missing_sessions(
        ["AAPL"], date(2024, 7, 9), sessions, first_sessions={"AAPL": FIRST}, finished=()
    )
    assert found == july(1, 2, 3, 5, 8)[5 - sessions :]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 7, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tickers", "now", "session"),
    [
        (["AAPL"], at(5, 20, 29), date(2024, 7, 3)),
        (["AAPL"], at(5, 20, 30), date(2024, 7, 5)),
        (["AAPL", "7203.T"], at(5, 7), date(2024, 7, 5)),  # Tokyo has closed
        (["AAPL", "BRK.B"], at(5, 21), date(2024, 7, 5)),
        (["AAPL", "BTC-USD"], at(7, 1), date(2024, 7, 6)),
    ],
)
def test_the_newest_session_is_that_of_any_exchange(tickers: list[str], now: datetime, session: date) -> None:
    assert newest_closed_session(tickers, now, LAG) == session


@pytest.mark.parametrize("tickers", [[], ["BRK.B"]])
def test_without_a_known_exchange_there_is_no_session(tickers: list[str]) -> None:
    with pytest.raises(UsageError, match=r"BRK\.B is written BRK-B"):
        newest_closed_session(tickers, at(5, 21), LAG)


@pytest.mark.parametrize(
    ("tickers", "now", "rested"),
    [
        (["AAPL"], at(5, 21), False),
        (["AAPL"], at(6, 20, 29), False),  # closed 23 hours and 59 minutes ago
        (["AAPL"], at(6, 20, 30), True),
        (["AAPL"], at(8, 12), True),
        (["AAPL"], at(4, 21), True),  # the Fourth
        (["AAPL", "7203.T"], at(4, 21), False),
        (["AAPL", "BTC-USD"], at(7, 12), False),
    ],
)
def test_exchanges_have_rested_where_none_closed_in_a_day(
    tickers: list[str], now: datetime, rested: bool
) -> None:
    assert had_no_session(tickers, now, LAG) is rested


IN_2027 = datetime(2027, 1, 6, 22, tzinfo=UTC)  # the calendar of Mumbai ends in 2026


def test_a_ticker_whose_calendar_has_ended_stops_no_other() -> None:
    tickers = ["AAPL", "INFY.NS"]
    days = [date(2027, 1, 4), date(2027, 1, 5)]
    assert newest_closed_session(tickers, IN_2027, LAG) == date(2027, 1, 6)
    assert not had_no_session(tickers, IN_2027, LAG)
    assert list_sessions(tickers, Span(*days)) == days
    assert find_unfinished(tickers, days[0], ()) == ("AAPL",)
    first_sessions = dict.fromkeys(tickers, date(2026, 1, 2))
    missing = find_missing_sessions(
        tickers, date(2027, 1, 6), 2, first_sessions=first_sessions, finished=[("AAPL", days[0])]
    )
    assert missing == (days[1],)


def test_where_every_calendar_has_ended_that_is_the_reason() -> None:
    with pytest.raises(UsageError, match="whose sessions are known on 2027-01-06, found none"):
        newest_closed_session(["INFY.NS"], IN_2027, LAG)
    assert list_sessions(["INFY.NS"], Span(date(2027, 1, 4), date(2027, 1, 5))) == []


def test_closures_are_neither_missing_nor_the_newest_session() -> None:
    closed = date(2024, 6, 5)
    calendars = Calendars(changes=frozenset({CalendarChange("XNYS", closed, "closure")}))
    first = {"AAPL": date(2024, 6, 3)}
    missing = find_missing_sessions(
        ["AAPL"], date(2024, 6, 6), 3, first_sessions=first, finished=set(), calendars=calendars
    )
    assert missing == (date(2024, 6, 3), date(2024, 6, 4))
    evening = datetime(2024, 6, 5, 23, tzinfo=UTC)
    assert newest_closed_session(["AAPL"], evening, LAG, calendars=calendars) == date(2024, 6, 4)
    assert newest_closed_session(["^XYZ"], evening, LAG) == closed  # as far as a fetch may look
