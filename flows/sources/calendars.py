"""Calendars of exchanges as the settings alone have them."""

from datetime import date

from flows.settings import Settings
from forecasting.calendars.lookup import CalendarChange, Calendars
from forecasting.types import ChangeKind


def list_calendar_changes(settings: Settings) -> frozenset[CalendarChange]:
    """Return the closures and openings that are set."""
    days: dict[ChangeKind, tuple[tuple[str, date], ...]] = {
        "closure": settings.closures,
        "opening": settings.openings,
    }
    return frozenset(CalendarChange(*day, kind) for kind, chosen in days.items() for day in chosen)


def read_calendars(settings: Settings) -> Calendars:
    """Return the calendars as the settings alone have them."""
    return Calendars(dict(settings.calendars), list_calendar_changes(settings))
