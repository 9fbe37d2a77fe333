"""Calendars of exchanges as the settings alone have them."""

from flows.settings import Settings
from forecasting.calendars.lookup import CalendarChange, Calendars


def list_calendar_changes(settings: Settings) -> frozenset[CalendarChange]:
    """Return the closures and openings that are set."""
    closures = frozenset(CalendarChange(*day, "closure") for day in settings.closures)
    return closures | {CalendarChange(*day, "opening") for day in settings.openings}


def read_calendars(settings: Settings) -> Calendars:
    """Return the calendars as the settings alone have them."""
    return Calendars(dict(settings.calendars), list_calendar_changes(settings))
