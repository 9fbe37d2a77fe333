"""Where the date of a coming report is from, as `bandcast prices status` shows it."""

from datetime import UTC, date, datetime

import pytest

from flows.presentation.report_dates import describe_origin
from forecasting.calendars.listed_reports import ReportCheck
from forecasting.calendars.reports import Report
from forecasting.features.report_days import DatedReport

SESSION = date(2024, 7, 19)
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
