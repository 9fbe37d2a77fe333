"""Age of bands: sessions of its exchange that have closed since a ticker was forecast."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from flows.context import RunContext
from forecasting.calendars.sessions import last_closed_session, sessions_between
from forecasting.errors import CalendarError, UnknownExchangeError
from forecasting.forecast import Forecast

A_DAY = timedelta(days=1)


def load_ages(context: RunContext, forecasts: Sequence[Forecast]) -> dict[str, int]:
    """Count the sessions that had closed after the newest band of each ticker when the run began.

    Tickers of the universe outside this run age as well: their own run may never start.

    Args:
        context: The run.
        forecasts: What it is about to publish; a ticker without has its newest stored band.

    Returns:
        Ticker -> sessions; without the tickers that were never forecast, or whose sessions are not known.
    """
    with context.store.reading() as tx:
        newest = dict([*tx.forecasts.list_newest(), *tx.forecasts.list_newest(context.tickers)])
    for forecast in forecasts:
        newest[forecast.ticker] = max(forecast.as_of, newest.get(forecast.ticker, forecast.as_of))
    ages: dict[str, int] = {}
    for ticker, as_of in newest.items():
        with suppress(CalendarError, UnknownExchangeError):
            calendar = context.calendars.of(ticker)
            closed = last_closed_session(calendar, context.now, context.lag)
            ages[ticker] = len(sessions_between(calendar, as_of + A_DAY, closed))
    return ages
