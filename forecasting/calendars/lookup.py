"""Calendars as a run knows them: which one a symbol follows, with the closures and openings known by then."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from forecasting.calendars.exchanges import HOME, HOME_ZONE, PLACELESS, calendar_name, is_unplaced
from forecasting.calendars.sessions import Calendar, calendar_zone, next_sessions, sessions_between
from forecasting.errors import CalendarError, SessionsUnknownError, UnknownExchangeError
from forecasting.types import ChangeKind

# Cboe's indices are dated in Chicago; the shares that they are made of trade in New York.
_ALSO_DATED_IN = {HOME: ("America/Chicago",)}
FEWEST_TICKERS = 2  # that must agree on a closure; a ticker by itself has a gap
MOST_CLOSURES = 10  # of one calendar in the sessions searched; beyond it the source is thin, not the exchange


@dataclass(frozen=True, order=True)
class CalendarChange:
    """A closure or an opening that the installed calendar of an exchange lacks.

    Attributes:
        calendar: exchange_calendars name.
        session: The day.
        kind: `closure` or `opening`.
    """

    calendar: str
    session: date
    kind: ChangeKind


@dataclass(frozen=True)
class Calendars:
    """Calendar of every symbol; without arguments, the installed ones.

    Attributes:
        symbols: Symbol -> exchange_calendars name, where it is not that of `calendar_name`.
        changes: Closures and openings.
    """

    symbols: Mapping[str, str] = field(default_factory=dict)
    changes: frozenset[CalendarChange] = frozenset()

    def of(self, ticker: str) -> Calendar:
        """Return the calendar of a symbol.

        Raises:
            UnknownExchangeError: The symbol belongs to no exchange that is known.
        """
        return self.named(self.symbols.get(ticker) or calendar_name(ticker))

    def find(self, ticker: str) -> Calendar | None:
        """Return the calendar of a symbol; None where it belongs to no exchange that is known."""
        with suppress(UnknownExchangeError):
            return self.of(ticker)
        return None

    def named(self, name: str) -> Calendar:
        """Return a calendar by its name."""
        changes = [change for change in self.changes if change.calendar == name]
        closures, openings = (
            frozenset(change.session for change in changes if change.kind == kind)
            for kind in ("closure", "opening")
        )
        return Calendar(name, closures, openings)

    def presume(self, ticker: str) -> Calendar:
        """Return the calendar to fetch a symbol by: until `confirm`, New York's for an unknown index.

        Raises:
            UnknownExchangeError: The symbol belongs to no exchange that is known.
        """
        unknown = is_unplaced(ticker) and ticker not in self.symbols
        return self.named(HOME) if unknown else self.of(ticker)

    def confirm(self, ticker: str, zone: str | None, day: date) -> Calendar:
        """Return the calendar of a symbol whose bars the source dates in a time zone.

        Args:
            ticker: The symbol.
            zone: IANA name; None where the source reports none.
            day: Session at which the zones are compared.

        Raises:
            UnknownExchangeError: The zone is not that of the calendar, or the symbol is of no known exchange
                and the zone is not New York's.
        """
        if ticker in self.symbols or zone is None:
            return self.of(ticker)
        calendar = self.presume(ticker)
        if is_unplaced(ticker):
            fits = zone == HOME_ZONE
        else:
            fits = calendar.name in PLACELESS or _is_zone_of(calendar.name, zone, day)
        if not fits:
            raise UnknownExchangeError(
                ticker,
                f"bars dated in {calendar_zone(calendar.name)}, as calendar {calendar.name} is",
                zone,
                f"name the calendar of the exchange, as in BANDCAST_CALENDARS={ticker}:XBOM, "
                "or correct the symbol",
            )
        return calendar


STANDARD = Calendars()


def find_targets(
    ticker: str, session: date, horizon: int, *, calendars: Calendars = STANDARD
) -> tuple[date, ...]:
    """Return the H sessions of the ticker's exchange after `session`.

    Raises:
        SessionsUnknownError: The calendar does not reach that far.
        UnknownExchangeError: The symbol belongs to no exchange that is known.
    """
    try:
        return next_sessions(calendars.of(ticker), session, horizon)
    except CalendarError as error:
        raise SessionsUnknownError(ticker, str(error)) from error


def place_by_zone(zones: Mapping[str, str | None]) -> dict[str, str]:
    """Return the calendar of each index of unknown place that the source dates in New York.

    Args:
        zones: Symbol -> time zone that the source reports.
    """
    return {ticker: HOME for ticker, zone in zones.items() if is_unplaced(ticker) and zone == HOME_ZONE}


def find_closures(
    calendar: Calendar, sessions: Mapping[str, Collection[date]], *, start: date, end: date
) -> list[date]:
    """Find the sessions of an exchange that none of its tickers has a bar of, although later bars exist.

    At least `FEWEST_TICKERS`, and half of the tickers with an earlier bar, must have bars on both sides; of
    more than `MOST_CLOSURES` such sessions none counts.

    Args:
        calendar: Of the exchange.
        sessions: Ticker -> days with a bar, from `start` to `end`.
        start: First day to look at.
        end: Last day to look at.
    """
    if calendar.name in PLACELESS:
        return []
    spans = [(min(days), max(days)) for days in sessions.values() if days]
    traded = set[date]().union(*sessions.values())
    found = []
    for day in sessions_between(calendar, start, end):
        earlier = [last for first, last in spans if first < day]
        later = sum(last > day for last in earlier)
        if day not in traded and later >= FEWEST_TICKERS and 2 * later >= len(earlier):
            found.append(day)
    return found if len(found) <= MOST_CLOSURES else []


def _is_zone_of(calendar: str, zone: str, day: date) -> bool:
    """Return whether a zone keeps the time of the calendar's, in January and in July of that year."""
    usual = calendar_zone(calendar)
    if zone == usual or zone in _ALSO_DATED_IN.get(calendar, ()):
        return True
    try:
        other = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    noons = [datetime.combine(date(day.year, month, 15), time(12), UTC) for month in (1, 7)]
    return all(
        noon.astimezone(other).utcoffset() == noon.astimezone(ZoneInfo(usual)).utcoffset() for noon in noons
    )
