"""Walks and forecasts in several processes of one thread each: threads of one would wait for each other."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import date
from functools import partial
from operator import call

from flows.processes import call_with_shared, start_processes
from forecasting.backtesting.walk_forward import Issued, Spread
from forecasting.errors import ModelError
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast
from forecasting.pipeline import Forecaster, forecast_ticker

FEWEST_FORECASTS = 600  # of a walk that is spread: a process takes seconds to start, a forecast hundredths
FEWEST_TICKERS = 60  # of a run that is spread; a forecast with paths takes half a second

TickerForecaster = Callable[[DailyReturns, date], Forecast]


def choose_spread(workers: int, forecasts: int) -> Spread:
    """Return how a walk of so many forecasts (tickers times origins) runs: in processes, if it is long."""
    if workers == 1 or forecasts < FEWEST_FORECASTS:
        return map
    return lambda issue, origins: spread_over(issue, origins, workers=min(workers, len(origins)))


def spread_over(
    issue: Callable[[date], Issued], origins: Sequence[date], *, workers: int
) -> Iterator[Issued]:
    """Forecast every origin in one of several processes; yield the results in order.

    Args:
        issue: Forecasts from an origin; it and what it returns must be picklable.
        origins: The sessions.
        workers: Number of processes.

    Raises:
        ModelError: With the sentence of the first error in one of them.
    """
    with start_processes(workers, issue) as pool:
        try:
            yield from pool.map(partial(call_with_shared, call), origins)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def spread_forecasts(forecaster: Forecaster, *, workers: int, tickers: int) -> Iterator[TickerForecaster]:
    """Yield a function that forecasts a ticker from a session: in a process, or here where tickers are few.

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
