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
    try:
        fields = zip(text.lower().split(), _BOUNDS, strict=True)
        _, _, days, months, _ = (_list_numbers(field, *bounds) for field, bounds in fields)
    except ValueError:
        raise ValueError("a cron has minute, hour, day, month and weekday, such as 30 18 * * 1-5") from None
    longest = max(_MONTH_LENGTHS[month - 1] for month in months)
    if min(days) > longest:  # of which Prefect finds no date, whatever the weekday
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


def _list_numbers(text: str, low: int, high: int) -> set[int]:
    """Return the numbers that a field stands for: a star or a range, which may have a step, or a number.

    Raises:
        ValueError: It is no such field.
    """
    numbers = set[int]()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        start = _read_number(_NUMBERS.get(first, first), low, high)
        end = _read_number(_NUMBERS.get(last, last), start, high) if dash else start
        if slash and not dash:
            raise ValueError(part)
        numbers.update(range(start, end + 1, _read_number(step, 1, high) if slash else 1))
    return numbers


def _read_number(text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 2 and low <= int(text) <= high):
        raise ValueError(text)
    return int(text)


def _format_weekdays(weekdays: Collection[int]) -> str:
    """Format weekdays from 0 (Sunday) to 6 as a field of a cron."""
    days = sorted(weekdays)
    if len(days) == len(_WEEKDAYS):
        return "*"
    if len(days) > 1 and days == list(range(days[0], days[-1] + 1)):
        return f"{days[0]}-{days[-1]}"
    return ",".join(map(str, days))
