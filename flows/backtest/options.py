"""Options of a backtest, resolved and checked before hours are spent on it."""

import hashlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import forecasting
from flows.backtest.workers import Brief
from flows.settings import Settings
from flows.sources import PriceSource
from forecasting.backtesting.issue import BASELINES
from forecasting.backtesting.schedule import WalkConfig
from forecasting.calendars.sessions import last_closed_session
from forecasting.config import SimulationConfig
from forecasting.errors import MissingExtraError, PriceError, SourceError, UsageError
from forecasting.prices.history import PriceHistory

LEVELS = tuple(round(step / 20, 2) for step in range(1, 20))
LONGEST_PAUSE = timedelta(days=60)  # more than 30 sessions: outcomes of the last origins
LIBRARIES = ("torch", "numpy", "pandas")
AFTER_THE_PARTS = (  # of the core: a change in them leaves forecasts as they are
    "backtesting/calibrated.py",
    "backtesting/rows.py",
    "calibration",
    "evaluation",
    "promotion",
    "backtesting/walk.py",
)
SUFFIXES = (".parquet", ".csv", ".csv.gz")


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


def resolve_walk(options: BacktestOptions, settings: Settings, source: PriceSource) -> WalkConfig:
    """Resolve the range of origins and their distance.

    Raises:
        UsageError: They make no sense.
    """
    tickers = settings.tickers or source.tickers()
    newest = source.last_session(tickers) or last_closed_session("XNYS", datetime.now(UTC))
    try:
        return WalkConfig(
            start=options.start,
            end=options.end or newest,
            every=options.every,
            retrain_every=options.retrain_every,
            warm_up_sessions=options.warm_up,
            horizons=tuple(int(horizon) for horizon in options.horizons.split(",")),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"Expected a span and a pace that make sense, found: {first['msg']}.") from error
    except ValueError:
        raise UsageError(f"Expected horizons such as 1,5,10, found '{options.horizons}'.") from None


def is_installed(package: str) -> bool:
    """Return True if a package can be imported."""
    return importlib.util.find_spec(package) is not None


def require_writable(out: Path, is_installed: Callable[[str], bool] = is_installed) -> None:
    """Raise if the file could not be written in the end.

    Raises:
        UsageError: Its kind is unknown.
        MissingExtraError: The library for it is not installed.
    """
    if not out.name.endswith(SUFFIXES):
        raise UsageError(f"Expected --out to end in one of {', '.join(SUFFIXES)}, found {out.name}.")
    if out.suffix == ".parquet" and not is_installed("pyarrow"):
        raise MissingExtraError("pyarrow", "parquet", "Parquet files")


def resolve_methods(
    methods: str | None, is_installed: Callable[[str], bool] = is_installed
) -> tuple[str, ...]:
    """Resolve the baselines that run beside the model; the random walk always does.

    Raises:
        UsageError: One is unknown.
        MissingExtraError: The package of GARCH is not installed.
    """
    if methods is None:
        return tuple(name for name in BASELINES if name != "garch" or is_installed("arch"))
    wanted = [name.strip() for name in methods.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in BASELINES]
    if unknown:
        raise UsageError(f"Expected methods out of {', '.join(BASELINES)}, found '{unknown[0]}'.")
    if "garch" in wanted and not is_installed("arch"):
        raise MissingExtraError("arch", "garch", "the GARCH baseline")
    return tuple(name for name in BASELINES if name in wanted or name == BASELINES[0])


def resolve_simulation(settings: Settings, paths: int | None, horizon: int) -> SimulationConfig:
    """Resolve the simulation: the configured one at the levels of a backtest, with so many paths in all.

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
    changes = {"levels": LEVELS, "horizon": horizon, "noise_paths": each}
    return SimulationConfig.model_validate(settings.simulation.model_dump() | changes)


def load_histories(
    source: PriceSource, tickers: Sequence[str], end: date
) -> tuple[dict[str, PriceHistory], dict[str, PriceError]]:
    """Load prices of every ticker up to the outcomes of `end`, and the error of each that has none.

    Raises:
        SourceError: Not one could be read.
    """
    reach = end + LONGEST_PAUSE
    if source.live:
        reach = min(reach, last_closed_session("XNYS", datetime.now(UTC)))
    histories: dict[str, PriceHistory] = {}
    faults: dict[str, PriceError] = {}
    for ticker in tickers:
        try:
            histories[ticker] = source.fetch(ticker, None, reach)
        except PriceError as error:
            faults[ticker] = error
    if not histories:
        raise SourceError(
            f"Expected prices of at least one ticker, found none: {next(iter(faults.values()))}"
        )
    return histories, faults


def build_manifest(brief: Brief, walk: WalkConfig) -> dict[str, Any]:
    """Describe everything that the parts depend on."""
    return {
        "walk": walk.model_dump(mode="json"),
        "tickers": list(brief.tickers),
        "train_tickers": list(brief.train),
        "baselines": list(brief.baselines),
        "model": brief.model.model_dump(mode="json"),
        "simulation": brief.simulation.model_dump(mode="json"),
        "prices": _fingerprint(brief.histories),
        "code": code_version(),
        "libraries": {name: installed(name) for name in LIBRARIES},
    }


def _fingerprint(histories: Mapping[str, PriceHistory]) -> dict[str, str]:
    return {ticker: history.fingerprint() for ticker, history in sorted(histories.items())}


def code_version() -> str:
    """Return the release, and a digest of the core's source without what comes after the parts."""
    root = Path(forecasting.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in AFTER_THE_PARTS and name.as_posix() not in AFTER_THE_PARTS:
            digest.update(name.as_posix().encode() + path.read_bytes())
    return f"{installed('bandcast')}-{digest.hexdigest()[:12]}"
