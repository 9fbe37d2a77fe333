"""Sessions of several exchanges, and the tickers that lack one."""

from datetime import date

from flows.steps.missing_sessions import lacking, sessions_of


def test_sessions_are_those_of_any_exchange_and_a_ticker_lacks_only_its_own() -> None:
    days = sessions_of(["AAPL", "7203.T", "NO.SUCH"], date(2024, 5, 24), date(2024, 5, 28))
    assert days == [date(2024, 5, 24), date(2024, 5, 27), date(2024, 5, 28)]
    memorial_day = days[1]
    assert lacking(["AAPL", "7203.T"], memorial_day, set()) == ("7203.T",)
    assert lacking(["AAPL", "7203.T"], days[2], {("AAPL", days[2])}) == ("7203.T",)
