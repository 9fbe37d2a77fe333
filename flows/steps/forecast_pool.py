"""Forecasts of many tickers in processes of one thread each: threads of one wait for each other."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from functools import partial

from flows.backtest.pool import follow_parent, start_processes
from forecasting.errors import BandcastError
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast
from forecasting.pipeline import Forecaster, forecast_ticker

FEWEST_TICKERS = 60  # that are spread: a process takes seconds to start, a forecast with paths half of one

Verb = Callable[[DailyReturns, date], Forecast]

_OWN: dict[str, Forecaster] = {}  # what this process forecasts with, set once when it starts


@contextmanager
def spread_forecasts(forecaster: Forecaster, *, workers: int, tickers: int) -> Iterator[Verb]:
    """Give a verb that forecasts a ticker from a session: in a process, or here where tickers are few.

    Args:
        forecaster: Sent to each process once.
        workers: Processes at most.
        tickers: How many will be forecast.
    """
    here = partial(forecast_ticker, forecaster)
    if workers == 1 or tickers < FEWEST_TICKERS or not forecaster.simulates:
        yield here
        return
    with start_processes(workers, _keep, forecaster) as pool:
        yield lambda returns, session: _forecast_in(pool, returns, session) or here(returns, session)


def _forecast_in(pool: ProcessPoolExecutor, returns: DailyReturns, session: date) -> Forecast | None:
    """Forecast in a process; None where that fails or the process was killed, so that the caller does it.

    Not every error can be sent from one process to another.
    """
    try:
        return pool.submit(_apply, returns, session).result()
    except BrokenProcessPool:
        return None


def _keep(forecaster: Forecaster) -> None:
    follow_parent()
    _OWN["forecaster"] = forecaster


def _apply(returns: DailyReturns, session: date) -> Forecast | None:
    try:
        return forecast_ticker(_OWN["forecaster"], returns, session)
    except BandcastError:
        return None
