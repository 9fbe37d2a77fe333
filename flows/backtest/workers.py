"""Worker processes that fit and forecast: one thread each, every result in a file before it counts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from flows.backtest.checkpoint import Checkpoint
from flows.backtest.pool import follow_parent, start_processes
from forecasting.backtesting.walk_forward import Methods, issue_forecasts
from forecasting.calendars.lookup import STANDARD, Calendars
from forecasting.config import ModelConfig, SimulationConfig
from forecasting.errors import BandcastError, ModelError
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.pipeline import Forecaster, fit_model

Progress = Callable[[], None]


@dataclass(frozen=True)
class WalkTask:
    """Everything that a worker needs.

    Attributes:
        out: The result; finished parts are beside it.
        universe: Daily returns of the training universe and of the tickers.
        train: Tickers to fit on.
        tickers: Tickers to forecast.
        baselines: Names of the baselines.
        model: What is fitted.
        simulation: What is drawn.
        horizons: Horizons that are kept.
        calendars: Give the sessions that are forecast.
    """

    out: Path
    universe: Mapping[str, DailyReturns]
    train: tuple[str, ...]
    tickers: tuple[str, ...]
    baselines: tuple[str, ...]
    model: ModelConfig
    simulation: SimulationConfig
    horizons: tuple[int, ...]
    calendars: Calendars = STANDARD


_OWN: dict[str, WalkTask] = {}  # the task of this worker process, set once when it starts


def fit(session: date) -> str:
    """Fit and save a model in this process; return the sentence of a failure, or nothing."""
    task = _OWN["task"]
    try:
        universe = [task.universe[ticker].until(session) for ticker in task.train]
        universe = [returns for returns in universe if len(returns)]
        model = fit_model(universe, session, task.model, report=lambda *_: None)
    except BandcastError as error:
        return f"Fit at {session}: {error}"
    Checkpoint(task.out).save_fit(session, model)
    return ""


def issue(origin: date, fit: date) -> str:
    """Forecast and save an origin in this process; return the sentence of a failure, or nothing."""
    task = _OWN["task"]
    try:
        issued = issue_forecasts(_load_methods(fit), task.universe, task.tickers, origin=origin)
    except BandcastError as error:
        return f"Forecast from {origin}: {error}"
    Checkpoint(task.out).save_part(issued)
    return ""


@lru_cache(maxsize=2)
def _load_methods(fit: date) -> Methods:
    task = _OWN["task"]
    model = Checkpoint(task.out).load_fit(fit)
    market = compute_market_variance(task.universe[ticker] for ticker in model.manifest.reference)
    forecaster = Forecaster(model, market, task.simulation, calendars=task.calendars)
    return Methods(forecaster, task.baselines, task.horizons)


def await_all(futures: Sequence[Future[str]], progress: Progress) -> None:
    """Wait for all; the first that ends with a sentence cancels the others.

    Raises:
        ModelError: With that sentence.
    """
    try:
        for future in as_completed(futures):
            if failure := future.result():
                raise ModelError(failure)
            progress()
    finally:
        for future in futures:
            future.cancel()


@contextmanager
def open_pool(task: WalkTask, workers: int) -> Iterator[ProcessPoolExecutor]:
    """Start fresh processes for a task; they end with this one, even where it is killed."""
    with start_processes(workers, start_worker, task) as pool:
        yield pool


def start_worker(task: WalkTask) -> None:
    """Prepare this process for a task."""
    import torch

    torch.set_num_threads(1)
    follow_parent()
    _OWN["task"] = task
    _load_methods.cache_clear()
