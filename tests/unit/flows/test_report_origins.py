"""Where the date of a coming report is from, as `bandcast prices status` shows it."""

from datetime import UTC, date, datetime

import pytest

from db import Store
from flows.presentation.report_dates import describe_origin, load_reports
from forecasting.calendars.listed_reports import ReportCheck
from forecasting.calendars.lookup import CalendarChange, Calendars
from forecasting.calendars.reports import Report
from forecasting.features.report_days import DatedReport

SESSION, NOON = date(2024, 7, 19), datetime(2024, 7, 20, 12, tzinfo=UTC)
NEXT = Report(date(2024, 8, 15), "after_close", origin="page")
LAST_YEAR = Report(date(2023, 8, 10), "after_close", origin="page")
ANNOUNCED = DatedReport(NEXT.day, "after_close", "announced")
PROJECTED = DatedReport(date(2024, 8, 8), "after_close", "projected")
FAILED = ReportCheck(datetime(2024, 7, 18, 22, tzinfo=UTC), None, "rate_limited", "AAPL: too many requests")


@pytest.mark.parametrize(
    ("coming", "stored", "check", "expected"),
    [
        (None, (), None, None),
        (ANNOUNCED, (LAST_YEAR, NEXT), None, "Yahoo's page"),
        (PROJECTED, (LAST_YEAR,), None, "last year's"),
        (PROJECTED, (LAST_YEAR, NEXT), None, "last year's; 2024-08-15 by Yahoo's page"),
        (None, (Report(NEXT.day, origin="events"),), None, "2024-08-15 by Yahoo's events"),
        (PROJECTED, (LAST_YEAR,), FAILED, "last year's; not read on 2024-07-18: rate_limited"),
        (None, (), FAILED, "not read on 2024-07-18: rate_limited"),
        (ANNOUNCED, (Report(NEXT.day, origin="file"),), None, "earnings.csv"),
    ],
)
def test_the_origin_is_named_with_what_is_not_used_yet(
    coming: DatedReport | None, stored: tuple[Report, ...], check: ReportCheck | None, expected: str | None
) -> None:
    assert describe_origin(coming, stored, SESSION, check=check) == expected


def test_a_session_that_counts_as_closed_later_is_still_the_one_before_the_next(store: Store) -> None:
    """The report is seven sessions after it."""
    report = Report(date(2024, 7, 30))
    calendars = Calendars(changes=frozenset({CalendarChange("XNYS", SESSION, "closure")}))
    with store.writing() as tx:
        tx.earnings.replace({"AAPL": (report,)}, NOON)
    with store.reading() as tx:
        for known_ahead, number in ((6, 0), (7, 1)):
            found = load_reports(tx, {"AAPL": [SESSION]}, NOON, known_ahead=known_ahead, calendars=calendars)
            assert len(found["AAPL"]) == number
