"""Earnings dates of one ticker: the days on which a company reports, and since when each is known."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from forecasting.types import ReportOrigin, ReportTime

KNOWN_AHEAD = 10  # sessions before a report at which companies have announced its date (So 2018, JFQA)
YEAR = timedelta(days=364)  # whole weeks: companies keep to a weekday
SAME_REPORT = timedelta(days=45)  # two dates so near are one report's; quarters are 91 days apart


@dataclass(frozen=True)
class Report:
    """One earnings report.

    Attributes:
        day: On which it was filed or announced, in the exchange's time zone.
        when: Time of that day; before the open the same session reacts, after the close the next one.
        known_since: First day on which the date was known; None where nobody kept it.
        origin: Who names the date; None where nobody kept it. Reports that differ in it alone are equal.
        counts: Whether the date is used; false where its source names another day of the same report.
    """

    day: date
    when: ReportTime = "unknown"
    known_since: date | None = None
    origin: ReportOrigin | None = field(default=None, compare=False)
    counts: bool = True


@dataclass(frozen=True)
class EarningsDates:
    """Earnings dates of one ticker, past and announced.

    Attributes:
        reports: In order of time.
        known_ahead: Sessions before a report from which a date without `known_since` counts. A date of the
            past is on file for ever; a forecast from long before it must not know it.
    """

    reports: tuple[Report, ...] = ()
    known_ahead: int = KNOWN_AHEAD


NO_DATES = EarningsDates()
