"""Reports that people see are those that a forecast from the same session expects, and no others."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.calendars.reports import EarningsDates, Report
from forecasting.calendars.sessions import sessions_between
from forecasting.features.report_days import DatedReport, ReportDays, list_reports, place_reports

AXIS = np.array(sessions_between("XNYS", date(2023, 12, 1), date(2024, 11, 1)), "datetime64[D]")
AS_OF = date(2024, 6, 3)
LAST_YEAR = Report(date(2023, 7, 6), "after_close")


def listed(*reports: Report) -> list[DatedReport]:
    return list(list_reports(EarningsDates(reports), AXIS, AS_OF))


def test_a_report_of_last_year_is_projected_by_whole_weeks() -> None:
    _, projected = listed(LAST_YEAR)
    assert projected == DatedReport(date(2024, 7, 4), "after_close", "projected")


def test_an_announced_date_takes_the_place_of_the_projection() -> None:
    announced = Report(date(2024, 7, 2), "before_open", AS_OF)
    assert listed(LAST_YEAR, announced)[1:] == [DatedReport(announced.day, "before_open", "announced")]


@pytest.mark.parametrize(
    ("known_since", "status"),
    [(date(2024, 6, 4), "projected"), (None, "projected"), (date(2024, 6, 3), "announced")],
)
def test_a_date_that_becomes_known_later_is_not_listed(known_since: date | None, status: str) -> None:
    _, coming = listed(LAST_YEAR, Report(date(2024, 7, 2), "before_open", known_since))
    assert coming.status == status


def test_a_date_without_a_known_day_is_announced_ten_sessions_before() -> None:
    near, far = Report(date(2024, 6, 17)), Report(date(2024, 6, 18))
    assert [report.status for report in listed(near)] == ["announced"]
    assert listed(far) == []


def test_reports_up_to_the_session_are_past() -> None:
    assert [report.status for report in listed(Report(AS_OF), LAST_YEAR)] == [
        "reported",
        "reported",
        "projected",
    ]


@given(st.lists(st.integers(-360, 60), min_size=1, max_size=5, unique=True))
def test_what_is_listed_is_what_a_forecast_expects(offsets: list[int]) -> None:
    """A twin: the sessions ahead that carry weight are those of the listed reports."""
    reports = tuple(Report(AS_OF + timedelta(days=offset), "before_open") for offset in offsets)
    dates = EarningsDates(reports)
    row = int(np.searchsorted(AXIS, np.datetime64(AS_OF)))
    days = ReportDays.build(dates, AXIS)
    ahead = place_reports(days, np.full(len(AXIS), 0.5)).ahead[row]
    expected = np.zeros(30)
    for report in list_reports(dates, AXIS, AS_OF):
        session = int(np.searchsorted(AXIS, np.datetime64(report.day)))
        blur = {"reported": 0, "announced": 0, "projected": 3}[report.status]
        if report.status != "reported":
            for offset in range(-blur, blur + 1):
                step = session + offset - row - 1
                if 0 <= step < 30:
                    expected[step] += (blur + 1 - abs(offset)) / (blur + 1) ** 2
    assert ahead == pytest.approx(expected.clip(max=1))


@given(
    st.lists(st.tuples(st.integers(-400, 100), st.none() | st.dates(date(2023, 4, 1), date(2024, 8, 1)))),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_the_sessions_by_which_a_date_is_known_are_enough(
    days: list[tuple[int, date | None]], known_ahead: int, more: int
) -> None:
    """Those of a stored forecast do, then, without the calendar of an exchange."""
    reports = tuple(Report(AS_OF + timedelta(days=day), known_since=since) for day, since in days)
    dates = EarningsDates(reports, known_ahead)
    row = int(np.searchsorted(AXIS, np.datetime64(AS_OF)))
    enough = AXIS[row : row + 1 + known_ahead + more]
    assert list_reports(dates, enough, AS_OF) == list_reports(dates, AXIS, AS_OF)
