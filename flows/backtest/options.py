"""Options of a backtest, resolved and checked before hours are spent on it."""

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import forecasting
from flows.backtest.workers import WalkTask
from flows.context import find_newest_session
from flows.settings import Settings
from flows.sources.base import PriceSource
from flows.sources.calendars import read_calendars
from flows.sources.earnings import read_earnings_dates
from flows.sources.retry import open_retrier
from forecasting.backtesting.walk_forward import BASELINES
from forecasting.calendars.reports import NO_DATES
from forecasting.calendars.sessions import last_closed_session
from forecasting.config import SCORE_LEVELS, BacktestConfig, SimulationConfig
from forecasting.errors import MissingExtraError, SourceError, UsageError
from forecasting.faults import attribute_to_ticker
from forecasting.features.preparation import Universe, prepare_universe
from forecasting.prices.history import PriceHistory
from forecasting.prices.reconciliation import accept_first

LONGEST_PAUSE = timedelta(days=60)  # more than 30 sessions: outcomes of the last origins
LIBRARIES = ("torch", "numpy", "pandas")
AFTER_THE_PARTS = {"calibration", "evaluation", "promotion"}  # rooms that change no forecast
SUFFIXES = (".parquet", ".csv", ".csv.gz")

HasPackage = Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class BacktestOptions:
    """Options of `bandcast backtest` as given; None leaves the default."""

    out: Path
    start: date
    end: date | None
    every: int
    retrain_every: int
    warm_up: int
    horizons: str
    paths: int | None
    methods: str | None
    workers: int | None
    restart: bool


def resolve_walk(
    options: BacktestOptions, settings: Settings, source: PriceSource, *, now: datetime
) -> BacktestConfig:
    """Resolve the span of origins and their distance.

    Raises:
        UsageError: They make no sense.
    """
    tickers = settings.tickers or source.tickers()
    newest = find_newest_session(settings, source, tickers, due=now)
    try:
        return BacktestConfig(
            start=options.start,
            end=options.end or newest,
            every=options.every,
            retrain_every=options.retrain_every,
            warm_up_sessions=options.warm_up,
            horizons=tuple(int(horizon) for horizon in options.horizons.split(",")),
        )
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        span = f"{options.start} to {options.end or newest}"
        raise UsageError(
            f"Expected a span and a pace that make sense, found {span}: {message}; correct the options."
        ) from error
    except ValueError:
        raise UsageError(f"Expected horizons such as 1,5,10, found '{options.horizons}'.") from None


def is_installed(package: str) -> bool:
    """Return whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def require_writable(out: Path, has: HasPackage = is_installed) -> None:
    """Refuse a file that could not be written in the end.

    Raises:
        UsageError: It is of no known kind.
        MissingExtraError: The library for it is missing.
    """
    if not out.name.endswith(SUFFIXES):
        raise UsageError(f"Expected --out to end in one of {', '.join(SUFFIXES)}, found {out.name}.")
    if out.suffix == ".parquet" and not has("pyarrow"):
        raise MissingExtraError("pyarrow", "parquet", "Parquet files")


def resolve_methods(methods: str | None, has: HasPackage = is_installed) -> tuple[str, ...]:
    """Resolve the baselines that run beside the model; the random walk always does.

    Raises:
        UsageError: One is unknown.
        MissingExtraError: GARCH was named without its package.
    """
    if methods is None:
        return tuple(name for name in BASELINES if name != "garch" or has("arch"))
    wanted = [name.strip() for name in methods.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in BASELINES]
    if unknown:
        raise UsageError(f"Expected methods out of {', '.join(BASELINES)}, found '{unknown[0]}'.")
    if "garch" in wanted and not has("arch"):
        raise MissingExtraError("arch", "garch", "the GARCH baseline")
    return tuple(name for name in BASELINES if name in wanted or name == BASELINES[0])


def resolve_simulation(settings: Settings, paths: int | None, horizon: int) -> SimulationConfig:
    """Return the configured simulation at the levels of a backtest, with so many paths in all.

    Raises:
        UsageError: They do not divide by the dropout runs.
    """
    runs = settings.simulation.dropout_runs
    if paths is not None and (paths % runs or not runs <= paths <= 1000 * runs):
        raise UsageError(
            f"Expected --paths to be a multiple of the {runs} dropout runs "
            f"(BANDCAST_SIMULATION__DROPOUT_RUNS), found {paths}."
        )
    each = settings.simulation.noise_paths if paths is None else paths // runs
    changes = {"levels": SCORE_LEVELS, "horizon": horizon, "noise_paths": each}
    return SimulationConfig.model_validate(settings.simulation.model_dump() | changes)


def fetch_universe(
    settings: Settings, source: PriceSource, tickers: Sequence[str], *, end: date, now: datetime
) -> Universe:
    """Fetch the returns of every ticker up to the outcomes of `end`; try a download as often as a run does.

    Raises:
        SourceError: Not one has usable prices.
    """
    retrier, calendars = open_retrier(settings), read_calendars(settings)
    lag = timedelta(minutes=settings.provider_lag_minutes)
    earnings = read_earnings_dates(settings, source, tickers)

    def fetch(ticker: str) -> PriceHistory:
        with attribute_to_ticker(ticker):
            reach = end + LONGEST_PAUSE
            if source.live:
                reach = min(reach, last_closed_session(calendars.presume(ticker), now, lag))
            history = retrier.call(ticker, lambda: source.fetch(ticker, None, reach))
            calendar = calendars.confirm(ticker, history.facts.zone, history.last_session)
            return accept_first(history, calendar)

    universe = prepare_universe(
        fetch,
        tickers,
        settings.model.price_basis,
        dates=lambda ticker: earnings.get(ticker, NO_DATES),
        calendars=calendars,
    )
    if not universe.returns:
        fault = next(iter(universe.faults.values()))
        raise SourceError(f"Expected prices of at least one ticker, found none: {fault}")
    return universe


def describe_walk(task: WalkTask, walk: BacktestConfig) -> dict[str, Any]:
    """Return everything that the finished parts depend on."""
    return {
        "walk": walk.model_dump(mode="json"),
        "tickers": list(task.tickers),
        "train_tickers": list(task.train),
        "baselines": list(task.baselines),
        "model": task.model.model_dump(mode="json"),
        "simulation": task.simulation.model_dump(mode="json"),
        "calendars": [dict(task.calendars.symbols), sorted(map(str, task.calendars.changes))],
        "prices": {ticker: returns.fingerprint() for ticker, returns in sorted(task.universe.items())},
        "code": fingerprint_core(Path(forecasting.__file__).parent),
        "libraries": {name: installed(name) for name in LIBRARIES},
    }


def fingerprint_core(root: Path) -> str:
    """Return a digest of the core's source without the rooms that come after the forecasts."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in AFTER_THE_PARTS:
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
