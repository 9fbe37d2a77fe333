"""Earnings dates as a vendor lists them: when to read them again, and which of them count.

A vendor moves dates, withdraws them, and may name two days of one report in two places.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from forecasting.calendars.reports import SAME_REPORT, YEAR, Report
from forecasting.calendars.sessions import Calendar, calendar_zone, find_time_of_day
from forecasting.types import ReportOrigin

LISTS: tuple[ReportOrigin, ...] = ("page", "events")  # of a vendor, in order of precedence
READ_AGAIN = timedelta(days=7)
AROUND = timedelta(days=4)  # days from an expected report within which its date is read every day


@dataclass(frozen=True)
class ReportCheck:
    """The newest attempt to read a ticker's earnings dates.

    Attributes:
        tried_at: When it was made (UTC).
        read_at: When dates were last read (UTC); None if they never were.
        reason: Why the attempt failed, a word as in `PriceError.reason`; empty where it did not.
        detail: A sentence on it.
    """

    tried_at: datetime
    read_at: datetime | None
    reason: str = ""
    detail: str = ""


def is_check_due(check: ReportCheck | None, reports: Iterable[Report], today: date) -> bool:
    """Return whether a ticker's earnings dates are to be read today: weekly, and daily around a report.

    An attempt is made once a day at most; after one that failed, the next day. One of a later day was made by
    a clock that was ahead, and does not count.

    Args:
        check: The newest attempt; None if there was none.
        reports: Known so far.
        today: The day (UTC).
    """
    if check is None or check.tried_at.date() > today:
        return True
    if check.tried_at.date() == today:
        return False
    if check.reason or check.read_at is None or today - check.read_at.date() >= READ_AGAIN:
        return True
    expected = (day for report in reports for day in (report.day, report.day + YEAR))
    return any(abs(day - today) <= AROUND for day in expected)


def place_stamp(stamp: datetime, calendar: Calendar, origin: ReportOrigin) -> Report:
    """Return the report of an aware instant, on its day and time of day at the exchange.

    Midnight in the stamp's own zone is a day whose time is not known.

    Raises:
        CalendarError: The calendar does not reach that day.
    """
    if stamp.time() == time(0):
        return Report(stamp.date(), origin=origin)
    day = stamp.astimezone(ZoneInfo(calendar_zone(calendar.name))).date()
    return Report(day, find_time_of_day(calendar, stamp), origin=origin)


def merge_reports(
    stored: Iterable[Report], listed: Mapping[ReportOrigin, Sequence[Report]], today: date
) -> tuple[Report, ...]:
    """Return all reports that are known after lists were read, in order of time.

    A list that was read replaces what it named before, except days before the oldest one that it names now:
    it has forgotten them. The page, which may be empty for a fault of the vendor's, then changes nothing;
    events are the coming ones, and none are none. Lists that were not read stay as they were.

    Args:
        stored: Known so far.
        listed: Origin -> reports, of the lists that were read.
        today: The day (UTC).
    """
    kept = [report for report in stored if not _is_replaced(report, listed, today)]
    named = [report for reports in listed.values() for report in reports]
    return tuple(_choose_counting([*named, *kept]))


def _is_replaced(report: Report, listed: Mapping[ReportOrigin, Sequence[Report]], today: date) -> bool:
    if report.origin is None or report.origin not in listed:
        return False
    reports = listed[report.origin]
    if report.origin == "events" and report.day >= today:
        return True
    return bool(reports) and report.day >= min(each.day for each in reports)


def _choose_counting(reports: Sequence[Report]) -> Iterator[Report]:
    """Yield one report a day in order of time, with one that counts for each cluster of near days.

    It is the one of the list that takes precedence, of several the earliest.
    """
    for cluster in _cluster(_keep_one_a_day(reports)):
        chosen = min(cluster, key=lambda report: (_rank(report), report.day))
        yield from (replace(report, counts=report is chosen) for report in cluster)


def _keep_one_a_day(reports: Sequence[Report]) -> list[Report]:
    """Return the first of the reports of each day, by rank, in order of time."""
    days: dict[date, Report] = {}
    for report in sorted(reports, key=_rank):
        days.setdefault(report.day, report)
    return [days[day] for day in sorted(days)]


def _cluster(reports: Sequence[Report]) -> Iterator[list[Report]]:
    """Yield the runs of reports that lie near the first of each."""
    cluster: list[Report] = []
    for report in reports:
        if cluster and report.day - cluster[0].day > SAME_REPORT:
            yield cluster
            cluster = []
        cluster.append(report)
    if cluster:
        yield cluster


def _rank(report: Report) -> int:
    return LISTS.index(report.origin) if report.origin in LISTS else len(LISTS)
