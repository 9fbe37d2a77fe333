"""Age of bands: sessions of its exchange that have closed since a ticker was forecast."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta

from db import Transaction
from flows.context import RunContext
from forecasting.calendars.sessions import last_closed_session, sessions_between
from forecasting.errors import CalendarError, UnknownExchangeError
from forecasting.forecast import Forecast

A_DAY = timedelta(days=1)


def load_ages(tx: Transaction, context: RunContext, forecasts: Sequence[Forecast]) -> dict[str, int]:
    """Count the sessions that had closed after the newest band of each ticker when the run began.

    Tickers of the universe outside this run age as well: their own run may never start. A band is never
    younger than a run that began later has found it.

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
    for ticker, as_of in newest.items():
        with suppress(CalendarError, UnknownExchangeError):
            calendar = context.calendars.of(ticker)
            closed = last_closed_session(calendar, context.now, context.lag)
            age = len(sessions_between(calendar, as_of + A_DAY, closed))
            ages[ticker] = max(age, found.get(ticker, age))
    return ages
