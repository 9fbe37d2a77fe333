"""Processes that share work: one thread each, fresh, and ended with the process that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any

from forecasting.backtesting.walk_forward import Issued, Spread
from forecasting.errors import BandcastError, ModelError

FEWEST_FORECASTS = 600  # of a walk that is spread: a process takes seconds to start, a forecast hundredths

_OWN: dict[str, Callable[[date], Issued]] = {}  # what this process applies, set once when it starts


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
    with start_processes(workers, _keep, issue) as pool:
        try:
            for issued, failure in pool.map(_apply, origins):
                if issued is None:
                    raise ModelError(failure)
                yield issued
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _keep(issue: Callable[[date], Issued]) -> None:
    follow_parent()
    _OWN["issue"] = issue


def _apply(origin: date) -> tuple[Issued | None, str]:
    """Return the forecasts from an origin, or the sentence of the error: not every error can be pickled."""
    try:
        return _OWN["issue"](origin), ""
    except BandcastError as error:
        return None, str(error)


@contextmanager
def start_processes(
    workers: int, prepare: Callable[..., None], *arguments: Any
) -> Iterator[ProcessPoolExecutor]:
    """Start fresh processes that are prepared by a function; they end with this one, even if it is killed."""
    with (
        _single_threaded_libraries(),
        ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=prepare,
            initargs=arguments,
        ) as pool,
    ):
        yield pool


def follow_parent() -> None:
    """End this process with the one that started it, which alone answers Ctrl-C."""
    if multiprocessing.parent_process() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end_with_parent, daemon=True).start()


@contextmanager
def _single_threaded_libraries() -> Iterator[None]:
    """Set what numerical libraries read when they are loaded; children inherit it."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # a killed parent closes no queue: this process would wait for ever
