"""Yahoo's two lists of earnings dates: what each answer becomes, sent over real HTTP to the real client."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from yahoo_imitation import HTML, NEW_YORK, RESET, SERVER_ERROR, TOO_MANY, Answer, Yahoo, serve

from flows.sources import YahooSource
from forecasting.calendars.reports import Report
from forecasting.calendars.sessions import Calendar
from forecasting.errors import RateLimitedError, VendorError

NYSE, TOKYO, LONDON = Calendar("XNYS"), Calendar("XTKS"), Calendar("XLON")


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("yfinance") / "cache"


@pytest.fixture
def yahoo() -> Iterator[Yahoo]:
    with serve() as server:
        yield server


@pytest.fixture
def source(yahoo: Yahoo, cache_dir: Path) -> YahooSource:
    return YahooSource(yahoo.url, cache_dir, per_second=10_000)


def new_york(month: int, day: int, hour: int) -> datetime:
    return datetime(2024, month, day, hour, tzinfo=NEW_YORK)


def test_the_page_gives_days_and_times_of_day_past_and_coming(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.pages["OK"] = [new_york(2, 1, 16), new_york(5, 2, 9), new_york(8, 1, 12), new_york(10, 31, 0)]
    reports = source.fetch_reports("OK", "page", NYSE)
    assert sorted((report.day, report.when) for report in reports) == [
        (date(2024, 2, 1), "after_close"),
        (date(2024, 5, 2), "before_open"),
        (date(2024, 8, 1), "unknown"),  # at noon
        (date(2024, 10, 31), "unknown"),  # at midnight, which is no time
    ]
    assert {report.origin for report in reports} == {"page"}


def test_a_share_without_reports_is_no_error_in_the_log(
    yahoo: Yahoo, source: YahooSource, caplog: pytest.LogCaptureFixture
) -> None:
    yahoo.pages["NONE"] = []
    assert source.fetch_reports("NONE", "page", NYSE) == ()
    assert caplog.records == []


@pytest.mark.parametrize(
    ("stamp", "calendar", "expected"),
    [
        (new_york(7, 31, 2), TOKYO, Report(date(2024, 7, 31), "after_close")),  # 15:00 in Tokyo
        (new_york(7, 31, 18), TOKYO, Report(date(2024, 8, 1), "before_open")),
        (new_york(8, 1, 2), LONDON, Report(date(2024, 8, 1), "before_open")),
        (new_york(11, 29, 14), NYSE, Report(date(2024, 11, 29), "after_close")),  # closed at 13:00
        (new_york(8, 3, 9), NYSE, Report(date(2024, 8, 3))),  # a Saturday
    ],
)
def test_a_stamp_is_placed_by_the_hours_of_the_exchange(
    yahoo: Yahoo, source: YahooSource, stamp: datetime, calendar: Calendar, expected: Report
) -> None:
    yahoo.pages["PLACED"] = [stamp]
    assert source.fetch_reports("PLACED", "page", calendar) == (expected,)


def test_events_give_the_coming_date_and_a_span_gives_none(yahoo: Yahoo, source: YahooSource) -> None:
    at = datetime(2024, 8, 1, 20, tzinfo=UTC)
    yahoo.events["OK"] = [at]
    yahoo.events["SPAN"] = [at, datetime(2024, 8, 5, 20, tzinfo=UTC)]
    yahoo.events["TWICE"] = [at, at]
    (report,) = source.fetch_reports("OK", "events", NYSE)
    assert (report, report.origin) == (Report(date(2024, 8, 1), "after_close"), "events")
    assert source.fetch_reports("SPAN", "events", NYSE) == ()
    assert source.fetch_reports("TWICE", "events", NYSE) == (report,)


def test_events_do_not_depend_on_the_time_zone_of_this_machine(
    yahoo: Yahoo, source: YahooSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client itself would date them on the day after."""
    yahoo.events["OK"] = [datetime(2024, 8, 1, 20, tzinfo=UTC)]
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        reports = source.fetch_reports("OK", "events", NYSE)
    time.tzset()
    assert reports == (Report(date(2024, 8, 1), "after_close"),)


@pytest.mark.parametrize("origin", ["page", "events"])
def test_a_symbol_without_reports_has_none(yahoo: Yahoo, source: YahooSource, origin: str) -> None:
    assert source.fetch_reports("NONE", origin, NYSE) == ()  # type: ignore[arg-type]  # one of two words
    yahoo.faults["events:NONE"] = (404, b'{"quoteSummary": {"result": null, "error": {"code": "Not Found"}}}')
    assert source.fetch_reports("NONE", "events", NYSE) == ()


@pytest.mark.parametrize(
    ("fault", "error", "found"),
    [
        (TOO_MANY, RateLimitedError, "429"),
        (SERVER_ERROR, VendorError, "HTTP status 500"),
        (HTML, VendorError, "none of earnings dates|JSON"),
        ((200, b""), VendorError, "none of earnings dates|JSON"),
        ((200, b"<html>earnings<table><tr><td>1</td></tr></table></html>"), VendorError, "KeyError|JSON"),
        ((200, b'{"quoteSummary": {"result": [{"calendarEvents": 7}]}}'), VendorError, "found"),
        (RESET, VendorError, "found"),
    ],
)
@pytest.mark.parametrize("origin", ["page", "events"])
def test_a_fault_of_the_vendor_is_named_and_can_be_retried(
    yahoo: Yahoo, source: YahooSource, origin: str, fault: Answer | str, error: type[VendorError], found: str
) -> None:
    yahoo.pages["F"] = yahoo.events["F"] = [new_york(8, 1, 16)]
    yahoo.faults[f"{origin}:F"] = fault
    with pytest.raises(error, match=found):
        source.fetch_reports("F", origin, NYSE)  # type: ignore[arg-type]  # as above
    yahoo.faults.clear()
    assert source.fetch_reports("F", origin, NYSE) == (Report(date(2024, 8, 1), "after_close"),)  # type: ignore[arg-type]  # as above
