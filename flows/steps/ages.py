"""Age of bands: sessions of its exchange that have closed since a ticker was forecast."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta

from db import Transaction
from flows.context import RunContext
from forecasting.calendars.sessions import Calendar, last_closed_session, sessions_between
from forecasting.errors import CalendarError, UnknownExchangeError
from forecasting.forecast import Forecast

A_DAY = timedelta(days=1)


def load_ages(tx: Transaction, context: RunContext, forecasts: Sequence[Forecast]) -> dict[str, int]:
    """Count the sessions that had closed after the newest band of each ticker when the run began.

    Tickers of the universe outside this run age as well: their own run may never start. A band is never
    younger than a run that began later, while this one was at work, has found it; what no such run can have
    found, such as the age by a session that counts as closed since, is forgotten.

    Args:
        tx: The transaction that publishes: another run may have done so while this one prepared.
        context: The run.
        forecasts: What it is about to publish; a ticker without has its newest stored band.

    Returns:
        Ticker -> sessions; without the tickers that were never forecast, or whose sessions are not known.
    """
    newest = dict([*tx.forecasts.list_newest(), *tx.forecasts.list_newest(context.tickers)])
    found, ages = tx.forecasts.load_ages(), dict[str, int]()
    for forecast in forecasts:
        if forecast.as_of > newest.get(forecast.ticker, date.min):
            newest[forecast.ticker] = forecast.as_of
            found.pop(forecast.ticker, None)
    longest = timedelta(minutes=context.settings.run_minutes)
    for ticker, as_of in newest.items():
        with suppress(CalendarError, UnknownExchangeError):
            calendar = context.calendars.of(ticker)
            age = _count_closed(context, calendar, as_of, by=context.now)
            if (later := found.get(ticker, age)) > age:
                age = min(later, _count_closed(context, calendar, as_of, by=context.now + longest))
            ages[ticker] = age
    return ages


def _count_closed(context: RunContext, calendar: Calendar, as_of: date, *, by: datetime) -> int:
    """Count the sessions after `as_of` that had closed by an instant."""
    return len(sessions_between(calendar, as_of + A_DAY, last_closed_session(calendar, by, context.lag)))
