"""Sessions of several exchanges, and the tickers that lack one."""

from datetime import UTC, date, datetime, timedelta

import pytest

from forecasting.calendars.trading_days import (
    Span,
    find_missing_sessions,
    find_unfinished,
    has_rested,
    list_calendars,
    list_sessions,
    look_back,
    newest_closed_session,
)
from forecasting.errors import UsageError

FRIDAY, MEMORIAL_DAY, TUESDAY = (date(2024, 5, day) for day in (24, 27, 28))
NO_LAG = timedelta(0)


def test_sessions_are_those_of_any_exchange_and_a_ticker_lacks_only_its_own() -> None:
    days = list_sessions(["AAPL", "7203.T", "NO.SUCH"], Span(FRIDAY, TUESDAY))
    assert days == [FRIDAY, MEMORIAL_DAY, TUESDAY]
    assert find_unfinished(["AAPL", "7203.T"], MEMORIAL_DAY, set()) == ("7203.T",)
    assert find_unfinished(["AAPL", "7203.T"], TUESDAY, {("AAPL", TUESDAY)}) == ("7203.T",)


def test_a_symbol_of_no_exchange_follows_no_calendar() -> None:
    assert list_calendars(["AAPL", "IBM", "BRK.B", "7203.T"]) == ["XNYS", "XTKS"]
    assert find_unfinished(["BRK.B"], TUESDAY, set()) == ()


def test_the_look_back_holds_as_many_sessions_as_requested() -> None:
    for sessions in (1, 10, 60):
        span = look_back(TUESDAY, sessions)
        assert span.last < TUESDAY
        assert len(list_sessions(["AAPL"], span)) >= sessions


def test_nothing_is_missing_before_a_tickers_first_forecast() -> None:
    missing = find_missing_sessions(
        ["AAPL", "7203.T", "IBM"],
        date(2024, 5, 29),
        3,
        first_sessions={"AAPL": FRIDAY, "7203.T": TUESDAY},
        finished={("AAPL", FRIDAY)},
    )
    assert missing == (TUESDAY,)


def test_the_newest_session_is_of_the_exchange_that_closed_last() -> None:
    noon = datetime(2024, 5, 28, 12, tzinfo=UTC)
    assert newest_closed_session(["AAPL"], noon, NO_LAG) == FRIDAY
    assert newest_closed_session(["AAPL", "7203.T"], noon, NO_LAG) == TUESDAY
    with pytest.raises(UsageError, match=r"known on 2024-05-28, found none; BRK\.B is written BRK-B"):
        newest_closed_session(["BRK.B"], noon, NO_LAG)


def test_a_day_without_a_close_of_any_exchange_is_a_rest() -> None:
    evening = datetime(2024, 5, 27, 22, tzinfo=UTC)
    assert has_rested(["AAPL"], evening, NO_LAG)
    assert not has_rested(["AAPL", "7203.T"], evening, NO_LAG)


def test_a_calendar_that_ends_too_early_leaves_the_other_exchanges_alone() -> None:
    """Mumbai's calendar ends with 2026."""
    tickers, day = ["AAPL", "RELIANCE.BO"], date(2027, 2, 1)
    evening = datetime(2027, 2, 1, 22, tzinfo=UTC)
    assert newest_closed_session(tickers, evening, NO_LAG) == day
    assert not has_rested(tickers, evening, NO_LAG)
    assert list_sessions(tickers, Span(date(2027, 1, 29), day)) == [date(2027, 1, 29), day]
    assert find_unfinished(tickers, day, set()) == ("AAPL",)
    with pytest.raises(UsageError, match="a newer exchange_calendars reaches further"):
        newest_closed_session(["RELIANCE.BO"], evening, NO_LAG)
