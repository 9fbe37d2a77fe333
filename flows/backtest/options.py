"""What a backtest was asked for, settled and checked before hours are spent on it."""

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import forecasting
from flows.backtest.workers import Brief
from flows.settings import Settings
from flows.sources import PriceSource, open_source
from forecasting.backtesting.issue import BASELINES
from forecasting.backtesting.schedule import WalkConfig
from forecasting.calendars.sessions import last_closed_session
from forecasting.config import SimulationConfig
from forecasting.errors import MissingExtraError, PriceError, SourceError, UsageError
from forecasting.prices.history import PriceHistory

LEVELS = tuple(round(step / 20, 2) for step in range(1, 20))
LONGEST_PAUSE = timedelta(days=60)  # that 30 sessions span: outcomes of the last origins
LIBRARIES = ("torch", "numpy", "pandas")
AFTER_THE_PARTS = (  # of the core: a change in them leaves what was forecast as it is
    "backtesting/calibrated.py",
    "backtesting/rows.py",
    "calibration",
    "evaluation",
    "promotion",
    "backtesting/walk.py",
)
SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True)
class Request:
    """The options of `bandcast backtest` as given; None leaves the default."""

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


def settle_walk(request: Request, settings: Settings, source: PriceSource) -> WalkConfig:
    """The span and the pace.

    Raises:
        UsageError: They make no sense.
    """
    tickers = settings.tickers or source.tickers()
    newest = source.last_session(tickers) or last_closed_session("XNYS", datetime.now(UTC))
    try:
        return WalkConfig(
            start=request.start,
            end=request.end or newest,
            every=request.every,
            retrain_every=request.retrain_every,
            warm_up_sessions=request.warm_up,
            horizons=tuple(int(one) for one in request.horizons.split(",")),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"Expected a span and a pace that make sense, found: {first['msg']}.") from error
    except ValueError:
        raise UsageError(f"Expected horizons such as 1,5,10, found '{request.horizons}'.") from None


def require_writable(out: Path) -> None:
    """Refuse a file that could not be written in the end.

    Raises:
        UsageError: It is of no known kind, or the library for it is missing.
    """
    if not out.name.endswith(SUFFIXES):
        raise UsageError(f"Expected --out to end in one of {', '.join(SUFFIXES)}, found {out.name}.")
    if out.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", "parquet", "Parquet files")


def settle_methods(methods: str | None) -> tuple[str, ...]:
    """The baselines that run beside the model; the random walk always does.

    Raises:
        UsageError: One is unknown.
        MissingExtraError: GARCH was asked for without its package.
    """
    has_arch = importlib.util.find_spec("arch") is not None
    if methods is None:
        return tuple(name for name in BASELINES if name != "garch" or has_arch)
    wanted = [name.strip() for name in methods.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in BASELINES]
    if unknown:
        raise UsageError(f"Expected methods out of {', '.join(BASELINES)}, found '{unknown[0]}'.")
    if "garch" in wanted and not has_arch:
        raise MissingExtraError("arch", "garch", "the GARCH baseline")
    return tuple(name for name in BASELINES if name in wanted or name == BASELINES[0])


def settle_simulation(settings: Settings, paths: int | None, horizon: int) -> SimulationConfig:
    """The configured simulation at the levels of a backtest, with so many paths in all.

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


def source_of(settings: Settings) -> PriceSource:
    """The configured source."""
    return open_source(settings)


def load_histories(
    source: PriceSource, tickers: Sequence[str], end: date
) -> tuple[dict[str, PriceHistory], dict[str, PriceError]]:
    """Prices of every ticker up to the outcomes of `end`, and why some have none.

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


def manifest(brief: Brief, walk: WalkConfig) -> dict[str, Any]:
    """Everything that the parts depend on."""
    return {
        "walk": walk.model_dump(mode="json"),
        "tickers": list(brief.tickers),
        "train_tickers": list(brief.train),
        "baselines": list(brief.baselines),
        "model": brief.model.model_dump(mode="json"),
        "simulation": brief.simulation.model_dump(mode="json"),
        "prices": _prices(brief.histories),
        "code": code_version(),
        "libraries": {name: installed(name) for name in LIBRARIES},
    }


def _prices(histories: Mapping[str, PriceHistory]) -> dict[str, str]:
    return {ticker: history.fingerprint() for ticker, history in sorted(histories.items())}


def code_version() -> str:
    """Release, and a digest of the core's source without what comes after the parts."""
    root, digest = Path(forecasting.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in AFTER_THE_PARTS and name.as_posix() not in AFTER_THE_PARTS:
            digest.update(name.as_posix().encode() + path.read_bytes())
    return f"{installed('bandcast')}-{digest.hexdigest()[:12]}"
