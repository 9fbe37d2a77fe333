"""The processes that fit and forecast: one thread each, every result in a file before it counts."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from flows.backtest.checkpoint import WorkFolder
from forecasting.backtesting.issue import Forecasters, issue, listed
from forecasting.config import ModelConfig, SimulationConfig
from forecasting.errors import BandcastError, ModelError
from forecasting.pipeline import fit_model
from forecasting.prices.history import PriceHistory

Progress = Callable[[], None]


@dataclass(frozen=True)
class Brief:
    """What every process knows.

    Attributes:
        out: The result; the work folder is beside it.
        histories: Prices of the training universe and of the tickers.
        train: Tickers to fit on.
        tickers: Tickers to forecast.
        baselines: Names of the baselines.
        model: What is fitted.
        simulation: What is drawn.
        horizons: Horizons that are kept.
    """

    out: Path
    histories: Mapping[str, PriceHistory]
    train: tuple[str, ...]
    tickers: tuple[str, ...]
    baselines: tuple[str, ...]
    model: ModelConfig
    simulation: SimulationConfig
    horizons: tuple[int, ...]


@dataclass
class _Desk:
    """The brief of this process."""

    brief: Brief | None = None

    def require(self) -> Brief:
        if self.brief is None:
            raise RuntimeError("the process was started without its brief")
        return self.brief


_DESK = _Desk()


def fit_all(pool: ProcessPoolExecutor, fits: Sequence[date], told: Progress) -> None:
    """Fit and store.

    Raises:
        ModelError: A fit failed; every origin that it serves would be missing.
    """
    _all([pool.submit(_fit, fit) for fit in fits], told)


def issue_all(pool: ProcessPoolExecutor, origins: Mapping[date, date], told: Progress) -> None:
    """Forecast and store from every origin (key) with the models of its fit (value).

    Raises:
        ModelError: A model is at fault.
    """
    _all([pool.submit(_issue, origin, fit) for origin, fit in origins.items()], told)


def _all(futures: Sequence[Future[str]], told: Progress) -> None:
    try:
        for future in as_completed(futures):
            fault = future.result()
            if fault:
                raise ModelError(fault)
            told()
    finally:
        for future in futures:
            future.cancel()


@contextmanager
def crew(brief: Brief, workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes; they end with this one, even where it is killed."""
    with (
        _single_threaded_libraries(),
        ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin, initargs=(brief,)
        ) as pool,
    ):
        yield pool


@contextmanager
def _single_threaded_libraries() -> Iterator[None]:
    """Numerical libraries read these when they are loaded: children inherit them."""
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


def _begin(brief: Brief) -> None:
    import torch

    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _DESK.brief = brief


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # a killed parent closes no queue: this process would wait for ever


def _fit(fit: date) -> str:
    """Fit and store; the sentence of what went wrong, or nothing."""
    brief = _DESK.require()
    try:
        known = listed({name: brief.histories[name] for name in brief.train}, fit)
        model = fit_model(list(known.values()), fit, brief.model, lambda *_: None)
    except BandcastError as error:
        return f"Fit at {fit}: {error}"
    WorkFolder(brief.out).save_fit(fit, model)
    return ""


def _issue(origin: date, fit: date) -> str:
    """Forecast and store; the sentence of what went wrong, or nothing."""
    brief = _DESK.require()
    try:
        issued = issue(_forecasters(fit), brief.histories, brief.tickers, origin)
    except BandcastError as error:
        return f"Forecast from {origin}: {error}"
    WorkFolder(brief.out).save_part(issued)
    return ""


@lru_cache(maxsize=2)
def _forecasters(fit: date) -> Forecasters:
    brief = _DESK.require()
    model = WorkFolder(brief.out).load_fit(fit)
    return Forecasters(model, brief.baselines, brief.simulation, brief.horizons)
