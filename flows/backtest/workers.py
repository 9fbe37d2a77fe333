"""Work of the processes of a backtest: fit and forecast, every result in a file before it counts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from flows.backtest.checkpoint import Checkpoint
from forecasting.backtesting.walk_forward import Methods, issue_forecasts
from forecasting.calendars.lookup import STANDARD, Calendars
from forecasting.config import ModelConfig, SimulationConfig
from forecasting.errors import BandcastError, ModelError
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.pipeline import Forecaster, fit_model

Progress = Callable[[], None]


@dataclass(frozen=True, eq=False)  # so that it can be the key of a cache
class WalkTask:
    """Everything that a process of a backtest needs.

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


def fit(task: WalkTask, session: date) -> None:
    """Fit and save a model.

    Raises:
        ModelError: It cannot be fitted.
    """
    with _name_session(f"Fit at {session}"):
        universe = [task.universe[ticker].until(session) for ticker in task.train]
        universe = [returns for returns in universe if len(returns)]
        model = fit_model(universe, session, task.model, on_epoch=lambda *_: None)
    Checkpoint(task.out).save_fit(session, model)


def issue(task: WalkTask, origin: date, fit: date) -> None:
    """Forecast and save an origin.

    Raises:
        ModelError: It cannot be forecast.
    """
    with _name_session(f"Forecast from {origin}"):
        methods = _load_methods(task, fit)
        issued = issue_forecasts(origin, methods=methods, universe=task.universe, tickers=task.tickers)
    Checkpoint(task.out).save_part(issued)


@contextmanager
def _name_session(work: str) -> Iterator[None]:
    """Put work and session before the sentence of an error."""
    try:
        yield
    except BandcastError as error:
        raise ModelError(f"{work}: {error}") from error


@lru_cache(maxsize=2)
def _load_methods(task: WalkTask, fit: date) -> Methods:
    model = Checkpoint(task.out).load_fit(fit)
    market = compute_market_variance(task.universe[ticker] for ticker in model.manifest.reference)
    forecaster = Forecaster(model, market, task.simulation, calendars=task.calendars)
    return Methods(forecaster, task.baselines, task.horizons)


def await_all(futures: Sequence[Future[None]], progress: Progress) -> None:
    """Wait for all; the first that fails cancels the others.

    Raises:
        ModelError: The work of one failed.
    """
    try:
        for future in as_completed(futures):
            future.result()
            progress()
    finally:
        for future in futures:
            future.cancel()
