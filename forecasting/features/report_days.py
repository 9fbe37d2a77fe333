"""Earnings dates on a row of sessions: which session reacts, since when a date is known, what is projected.

Positions count sessions of an axis, which reaches past the last bar. Where the time of day is unknown, a
report is spread over its day and the next session.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from forecasting.calendars.reports import SAME_REPORT, YEAR, EarningsDates
from forecasting.config import LONGEST_HORIZON
from forecasting.features.surprises import BLUR
from forecasting.types import Floats, ReportStatus, ReportTime

REACH = LONGEST_HORIZON + BLUR + 1  # sessions past the last bar over which a projection may be spread
CURRENT = YEAR + timedelta(days=7)  # age at which a date no longer shows that dates are known

Positions = NDArray[np.int64]
_TRIANGLE = (BLUR + 1.0 - np.abs(np.arange(-BLUR, BLUR + 1))) / (BLUR + 1) ** 2
_ONE = np.ones(1)


@dataclass(frozen=True)
class ReportDays:
    """The R reports of a ticker on an axis of C sessions.

    Attributes:
        axis: (C,) datetime64[D], increasing.
        day: (R,) datetime64[D], increasing.
        first: (R,) position of the first session that may react, on the day or after it; C past the end.
        known: (R,) position of the first session at which the date is known.
        same_day: (R,) share of the reaction on `first`; NaN where the time of day is unknown.
    """

    axis: np.ndarray
    day: np.ndarray
    first: Positions
    known: Positions
    same_day: Floats

    @classmethod
    def build(cls, dates: EarningsDates, axis: np.ndarray) -> "ReportDays":
        """Place the dates on the axis."""
        reports = sorted(dates.reports, key=lambda report: report.day)
        day = np.array([report.day for report in reports], "datetime64[D]")
        since = np.array([report.known_since for report in reports], "datetime64[D]")  # NaT where None
        first = np.searchsorted(axis, day)
        ahead = np.maximum(first - dates.known_ahead, 0)
        known = np.where(np.isnat(since), ahead, np.searchsorted(axis, since))
        shares = {"before_open": 1.0, "after_close": 0.0, "unknown": np.nan}
        share = np.array([shares[report.when] for report in reports], np.float64)
        on_session = axis[np.minimum(first, len(axis) - 1)] == day
        return cls(axis, day, first, known, np.where(on_session, share, 1.0))

    def position(self, index: int, later: timedelta) -> int:
        """Return the position of the session on or after a report's day and so much later."""
        return int(np.searchsorted(self.axis, self.day[index] + np.timedelta64(later)))

    def replaced(self, index: int) -> int:
        """Return the position from which the report projected from this one has a date; C if none."""
        distance = np.abs(self.day - (self.day[index] + np.timedelta64(YEAR)))
        known = self.known[distance <= np.timedelta64(SAME_REPORT)]
        return int(known.min(initial=len(self.axis)))


@dataclass(frozen=True)
class PlacedReports:
    """Reports on the sessions of the axis, as known by each.

    Attributes:
        weight: (C,) expected number of reports that the session reacts to, in [0, 1].
        ahead: (C, 30) the same of each of the next sessions, announced or projected.
        dated: (C,) whether a date of the last year or of the days ahead is known.
    """

    weight: Floats
    ahead: Floats
    dated: NDArray[np.bool_]


def place_reports(days: ReportDays, same_day: Floats) -> PlacedReports:
    """Spread the reports over the sessions that may react.

    Args:
        days: The reports.
        same_day: (C,) share of a report of unknown time that falls on its own day, as known by each session.
    """
    sessions = len(days.axis)
    weight, ahead = np.zeros(sessions), np.zeros((sessions, LONGEST_HORIZON))
    dated = np.zeros(sessions, bool)
    for index, (first, known) in enumerate(zip(days.first, days.known, strict=True)):
        stated = days.same_day[index]
        share = same_day if np.isnan(stated) else np.full(sessions, stated)
        for session, mass in react(days, index, same_day):
            weight[session] += mass if known <= session else 0.0
        _add_ahead(ahead, share, around=_ONE, first=int(first), known=range(known, sessions))
        projected = days.position(index, YEAR)
        _add_ahead(
            ahead, share, around=_TRIANGLE, first=projected - BLUR, known=range(known, days.replaced(index))
        )
        dated[known : days.position(index, CURRENT)] = True
    return PlacedReports(weight.clip(max=1.0), ahead.clip(max=1.0), dated)


def react(days: ReportDays, index: int, same_day: Floats) -> Iterator[tuple[int, float]]:
    """Yield the sessions of the axis that may react to a report, with the shares known the day before."""
    first, stated = int(days.first[index]), float(days.same_day[index])
    if first >= len(days.axis):
        return
    share = float(same_day[max(first - 1, 0)]) if np.isnan(stated) else stated
    for session, mass in ((first, share), (first + 1, 1 - share)):
        if mass > 0 and session < len(days.axis):
            yield session, mass


def _add_ahead(ahead: Floats, share: Floats, *, around: Floats, first: int, known: range) -> None:
    """Add one report to the sessions that may react to it, in the rows of the sessions at which it is known.

    Args:
        ahead: (C, 30), changed in place.
        share: (C,) of the report's own day, as known by each session.
        around: Probabilities of the day, in order of sessions.
        first: Position of the first of these days.
        known: Positions at which the report is known.
    """
    spread = np.zeros((len(around) + 1, len(share)))
    spread[:-1] += around[:, None] * share
    spread[1:] += around[:, None] * (1 - share)
    for offset, mass in enumerate(spread):
        session = first + offset
        rows = np.arange(max(known.start, session - LONGEST_HORIZON, 0), min(known.stop, session))
        ahead[rows, session - rows - 1] += mass[rows]


@dataclass(frozen=True)
class DatedReport:
    """One report as known at a session.

    Attributes:
        day: Of the report; of a projected one, whole weeks after last year's.
        when: Time of that day.
        status: `reported` up to the session, later ones `announced` or `projected`.
    """

    day: date
    when: ReportTime
    status: ReportStatus


def list_reports(dates: EarningsDates, axis: np.ndarray, session: date) -> tuple[DatedReport, ...]:
    """List the reports known at a session, in order of time: those that a forecast from it expects.

    Args:
        dates: Of one ticker.
        axis: (C,) datetime64[D] sessions, `session` among them and at least `known_ahead` after it.
        session: The session; dates that become known later are not listed.
    """
    days = ReportDays.build(dates, axis)
    row = int(np.searchsorted(axis, np.datetime64(session)))
    found: list[DatedReport] = []
    for index, report in enumerate(sorted(dates.reports, key=lambda report: report.day)):
        is_past = report.day <= session
        if days.known[index] <= row or is_past:
            found.append(DatedReport(report.day, report.when, "reported" if is_past else "announced"))
        if is_past and report.day + YEAR > session and row < days.replaced(index):
            found.append(DatedReport(report.day + YEAR, report.when, "projected"))
    return tuple(sorted(found, key=lambda report: report.day))
