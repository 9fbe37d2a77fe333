"""When the daily run starts: a cron in a time zone, as people set it or as an exchange suggests it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from forecasting.calendars.exchanges import find_calendar_name

AFTER_CLOSE = timedelta(hours=2, minutes=30)  # vendors are slow for an hour; earnings arrive within two
CHECK_HOURS = 2  # from the daily run to the health check
YEAR = timedelta(days=365)
FEWEST_SHARE = 0.05  # of a year's sessions, on a weekday that counts as one of trading

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBERS = {name: str(number) for number, name in enumerate(_WEEKDAYS)} | {
    name: str(number) for number, name in enumerate(_MONTHS, start=1)
}
_NO_TIMEZONES = ("posix", "posixrules", "right")  # files beside those of the time zones
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))  # minute, hour, day, month, weekday
_MONTH_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Schedule:
    """Time of the daily run; those of the other deployments are in the same zone.

    Attributes:
        cron: Minute, hour, day, month and weekday.
        timezone: IANA name.
    """

    cron: str = "30 18 * * 1-5"
    timezone: str = "America/New_York"

    @property
    def check_cron(self) -> str | None:
        """Cron of the health check, two hours later on the same day; None where a day has several runs."""
        minute, hour, *days = self.cron.split()
        if not (minute.isdecimal() and hour.isdecimal()):
            return None
        later = int(hour) + CHECK_HOURS
        return " ".join([minute, str(later), *days] if later < 24 else ["59", "23", *days])


STANDARD = Schedule()


def require_cron(text: str) -> str:
    """Return a cron of five fields: numbers, names, ranges, steps and lists of them.

    >>> require_cron("0 18 * * mon-fri")
    '0 18 * * mon-fri'

    Raises:
        ValueError: It is none, or would never start a run.
    """
    fields = text.lower().split()
    if len(fields) != len(_BOUNDS) or not all(map(_is_field, fields, _BOUNDS)):
        raise ValueError("a cron has minute, hour, day, month and weekday, such as 30 18 * * 1-5")
    if not _has_day(*fields[2:4]):  # of which Prefect finds no date, whatever the weekday
        raise ValueError("no month that it names has a day that it names; correct the third or fourth field")
    return " ".join(text.split())


def require_timezone(name: str) -> str:
    """Return the IANA name of a time zone.

    Raises:
        ValueError: It is none.
    """
    try:
        ZoneInfo(name)  # a list of all names takes 30 ms, in every command
    except (ZoneInfoNotFoundError, ValueError, OSError):
        is_known = False
    else:
        is_known = name.partition("/")[0] not in _NO_TIMEZONES
    if not is_known:
        raise ValueError("a time zone has an IANA name, such as Europe/Paris")
    return name


def choose_schedule(exchange: str, today: date) -> Schedule:
    """Choose a daily run two and a half hours after the usual close of an exchange, in its time zone.

    Args:
        exchange: Name of its calendar, or a suffix of its symbols.
        today: The year before it decides.

    Raises:
        UsageError: No such exchange.
        CalendarError: Its calendar does not hold that year.
    """
    from forecasting.calendars.sessions import calendar_zone, closes_between  # needs pandas

    name = find_calendar_name(exchange)
    starts = [close + AFTER_CLOSE for close in closes_between(name, today - YEAR, today)]
    usual = Counter(start.time() for start in starts).most_common(1)[0][0]
    counts = Counter(start.isoweekday() % 7 for start in starts if start.time() == usual)
    weekdays = [weekday for weekday, count in counts.items() if count >= FEWEST_SHARE * len(starts)]
    return Schedule(f"{usual.minute} {usual.hour} * * {_format_weekdays(weekdays)}", calendar_zone(name))


def _is_field(text: str, bounds: tuple[int, int]) -> bool:
    return all(_is_part(part, *bounds) for part in text.split(","))


def _is_part(text: str, low: int, high: int) -> bool:
    """Return whether a part is a star, a number or a range; a step may follow a star or a range."""
    span, slash, step = text.partition("/")
    ends = [_NUMBERS.get(end, end) for end in span.split("-")]
    if slash and not (_is_number(step, 1, high) and (span == "*" or len(ends) == 2)):
        return False
    if span == "*":
        return True
    return (
        len(ends) <= 2 and all(_is_number(end, low, high) for end in ends) and int(ends[0]) <= int(ends[-1])
    )


def _is_number(text: str, low: int, high: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 2 and low <= int(text) <= high


def _has_day(days: str, months: str) -> bool:
    """Return whether a month of a field of months has a day of a field of days."""
    longest = max(_MONTH_LENGTHS[month - 1] for month in _list_numbers(months, *_BOUNDS[3]))
    return min(_list_numbers(days, *_BOUNDS[2])) <= longest


def _list_numbers(text: str, low: int, high: int) -> set[int]:
    """Return the numbers that a field stands for."""
    numbers = set[int]()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        ends = [int(_NUMBERS.get(end, end)) for end in (first, last or first)]
        numbers.update(range(ends[0], ends[1] + 1, int(step or 1)))
    return numbers


def _format_weekdays(weekdays: Collection[int]) -> str:
    """Format weekdays from 0 (Sunday) to 6 as a field of a cron."""
    days = sorted(weekdays)
    if len(days) == len(_WEEKDAYS):
        return "*"
    if len(days) > 1 and days == list(range(days[0], days[-1] + 1)):
        return f"{days[0]}-{days[-1]}"
    return ",".join(map(str, days))
