"""Walks over history that are spread over processes."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from operator import call

from flows.processes import call_with_shared, start_processes
from forecasting.backtesting.walk_forward import Issued, Spread

FEWEST_FORECASTS = 600  # of a walk that is spread: a process takes seconds to start, a forecast hundredths


def choose_spread(workers: int, forecasts: int) -> Spread:
    """Return how a walk runs: over so many processes, or one origin after the other where it is short.

    Args:
        workers: Processes at most.
        forecasts: Tickers times origins.
    """
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
