"""Schedules: crons that Prefect takes too, and those that follow the close of an exchange."""

import asyncio
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.client.schemas.schedules import CronSchedule
from prefect.server.schemas.schedules import CronSchedule as ServerCronSchedule

from flows.schedules import STANDARD, Schedule, choose_schedule, require_cron, require_timezone
from forecasting.calendars.exchanges import list_calendar_names
from forecasting.calendars.sessions import closes_between
from forecasting.errors import UsageError

TODAY = date(2025, 6, 2)
LIMITS = (59, 23, 31, 12, 7)


@st.composite
def draw_field(draw: st.DrawFn, highest: int) -> str:
    """A field of a cron: often right, sometimes out of bounds."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        first, last, step = (draw(st.integers(0, highest + 1)) for _ in range(3))
        parts.append(
            draw(st.sampled_from(["*", f"{first}", f"{first}-{last}", f"*/{step}", f"{first}-{last}/{step}"]))
        )
    return ",".join(parts)


def find_starts(cron: str) -> list[datetime]:
    """Return the next start, as Prefect's server finds it; it raises where there is none."""
    return list(asyncio.run(ServerCronSchedule(cron=cron, timezone="UTC").get_dates(1)))


@given(st.tuples(*map(draw_field, LIMITS)))
def test_prefect_takes_every_cron_that_the_settings_take(fields: tuple[str, ...]) -> None:
    try:
        cron = require_cron(" ".join(fields))
    except ValueError:
        return
    assert CronSchedule(cron=cron, timezone="Asia/Tokyo").cron == cron
    assert find_starts(cron)


@pytest.mark.parametrize("cron", ["30 18 * * 1-5", "*/15 9-17 1,15 jan-jun MON,wed", "0 0 * * 7"])
def test_usual_crons_are_taken(cron: str) -> None:
    assert require_cron(f" {cron} ") == CronSchedule(cron=cron).cron


@pytest.mark.parametrize(
    "cron", ["", "30 18 * *", "30 18 * * 1-5 2025", "60 18 * * *", "30 24 * * *", "0 0 0 * *", "0 0 * 13 *",
             "0 0 * * 8", "0 0 * * 5-1", "@daily", "H 18 * * *", "0 18 * * x", "0/0 * * * *", "*/0 * * * *",
             "5/2 * * * *", "1--2 * * * *", "\u0665 18 * * *", "0 0 * * *-2", ", * * * *"]
)  # fmt: skip
def test_other_texts_are_no_crons(cron: str) -> None:
    with pytest.raises(ValueError, match="such as 30 18"):
        require_cron(cron)


@pytest.mark.parametrize(
    "cron", ["0 0 31 2 *", "0 0 30,31 feb mon", "0 0 31 4-6/2,sep,11 *", "0 0 30-31 2 *"]
)
def test_a_cron_that_never_starts_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match="no month that it names has a day"):
        require_cron(cron)
    with pytest.raises(ValueError, match="failed to find next date"):
        find_starts(cron)


@pytest.mark.parametrize("cron", ["0 0 29 2 *", "0 0 31 4-5 *", "0 0 */31 2 *", "0 0 31 */2 *"])
def test_a_rare_cron_is_taken(cron: str) -> None:
    assert find_starts(require_cron(cron))


@pytest.mark.parametrize(
    "name",
    ["", "EST5", "New_York", "america/new_york", "/etc/passwd", "../UTC", "a\0b", "Europe", "right/UTC"],
)
def test_a_time_zone_has_a_name_of_the_list(name: str) -> None:
    with pytest.raises(ValueError, match="such as Europe/Paris"):
        require_timezone(name)
    assert require_timezone("Asia/Tokyo") == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        ("XNYS", STANDARD),
        (".T", Schedule("0 18 * * 1-5", "Asia/Tokyo")),
        ("l", Schedule("0 19 * * 1-5", "Europe/London")),
        ("XSAU", Schedule("30 17 * * 0-4", "Asia/Riyadh")),
        ("24/7", Schedule("30 2 * * *", "UTC")),
    ],
)
def test_the_daily_run_follows_the_close_of_the_exchange(exchange: str, expected: Schedule) -> None:
    assert choose_schedule(exchange, TODAY) == expected


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(list_calendar_names()))
def test_prefect_takes_the_schedule_of_every_exchange_and_it_starts_an_hour_after_the_close(
    name: str,
) -> None:
    chosen = choose_schedule(name, TODAY)
    CronSchedule(cron=require_cron(chosen.cron), timezone=require_timezone(chosen.timezone))
    minute, hour = map(int, chosen.cron.split()[:2])
    usual = max(closes_between(name, date(2025, 5, 26), date(2025, 5, 30)))
    start = datetime(2025, 5, 30, hour, minute, tzinfo=ZoneInfo(chosen.timezone))
    assert (start - usual).total_seconds() % 86_400 >= 3600


def test_an_unknown_exchange_is_refused() -> None:
    with pytest.raises(UsageError, match=r"such as XTKS or \.T, found 'NYSE'"):
        choose_schedule("NYSE", TODAY)


@pytest.mark.parametrize(
    ("cron", "check"),
    [
        ("30 18 * * 1-5", "30 20 * * 1-5"),
        ("15 22 * * 0-4", "59 23 * * 0-4"),
        ("0 18,22 * * *", None),
        ("*/5 18 * * *", None),
    ],
)
def test_the_health_check_follows_two_hours_later(cron: str, check: str | None) -> None:
    assert Schedule(cron).check_cron == check
