"""Forecasts of many tickers in processes of one thread each: threads of one wait for each other."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from functools import partial

from flows.processes import call_with_shared, start_processes
from forecasting.errors import ModelError
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast
from forecasting.pipeline import Forecaster, forecast_ticker

FEWEST_TICKERS = 60  # that are spread: a process takes seconds to start, a forecast with paths half of one

Verb = Callable[[DailyReturns, date], Forecast]


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
    with start_processes(workers, forecaster) as pool:
        yield lambda returns, session: _forecast_in(pool, returns, session) or here(returns, session)


def _forecast_in(pool: Executor, returns: DailyReturns, session: date) -> Forecast | None:
    """Forecast in a process; None where that fails or the process was killed, so that the caller does it."""
    try:
        return pool.submit(call_with_shared, forecast_ticker, returns, session).result()
    except (BrokenProcessPool, ModelError):
        return None
