"""The walk: load, plan, fit, forecast, calibrate, write, judge."""

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from flows.backtest.checkpoint import WorkFolder, atomic
from flows.backtest.options import (
    BacktestOptions,
    build_manifest,
    load_histories,
    require_writable,
    resolve_methods,
    resolve_simulation,
    resolve_walk,
)
from flows.backtest.workers import Brief, crew, fit_all, issue_all
from flows.settings import Settings
from flows.sources import PriceSource, open_source
from forecasting.backtesting.calibrated import calibrated
from forecasting.backtesting.issue import Issued, Remark
from forecasting.backtesting.rows import Outcomes, rows_of
from forecasting.backtesting.schedule import Plan, WalkConfig, plan_walk
from forecasting.config import CalibrationConfig
from forecasting.errors import PriceError
from forecasting.evaluation.scorecard import Scorecard, scorecard
from forecasting.pipeline import market_of

SECONDS_BETWEEN_LINES = 15.0  # without a terminal, where a line cannot be rewritten


@dataclass(frozen=True)
class Walked:
    """Result of a backtest.

    Attributes:
        out: File of the rows.
        plan: Its origins.
        forecasts: Tickers x reported origins that were forecast.
        remarks: Forecasts that were left out or replaced.
        faults: Tickers whose prices could not be read at all.
        card: The scores.
        seconds: Of this call.
    """

    out: Path
    plan: Plan
    forecasts: int
    remarks: tuple[Remark, ...]
    faults: Mapping[str, PriceError]
    card: Scorecard
    seconds: float

    def left_out(self) -> dict[str, dict[str, int]]:
        """Count origins by method (none named for all) and reason, then by ticker."""
        counts: dict[str, Counter[str]] = {}
        for remark in self.remarks:
            key = remark.reason if remark.what == "all" else f"{remark.what}: {remark.reason}"
            counts.setdefault(key, Counter())[remark.ticker] += 1
        return {key: dict(sorted(each.items())) for key, each in sorted(counts.items())}


@dataclass
class Progress:
    """One line on standard error, rewritten on a terminal and repeated now and then elsewhere."""

    label: str
    total: int
    done: int = 0
    started: float = field(default_factory=time.monotonic)
    printed: float = 0.0

    def step(self) -> None:
        """Count one more."""
        self.done += 1
        now = time.monotonic()
        left = (now - self.started) / self.done * (self.total - self.done)
        last = self.done == self.total
        if not (last or sys.stderr.isatty() or now - self.printed > SECONDS_BETWEEN_LINES):
            return
        self.printed = now
        end = "\r" if sys.stderr.isatty() and not last else "\n"
        line = f"{self.label}: {self.done} of {self.total}, {_clock(left)} left"
        print(f"{line:60}", end=end, file=sys.stderr, flush=True)  # noqa: T201  # progress, for the person at the terminal


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def print_line(text: str) -> None:
    """Print one line on standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # as above


def backtest(options: BacktestOptions, settings: Settings) -> Walked:
    """Walk, write the rows, and judge them.

    Raises:
        UsageError: The options cannot work, or the work folder belongs to another walk.
        SourceError: No prices.
        ModelError: A fit failed.
    """
    started = time.monotonic()
    require_writable(options.out)
    source = open_source(settings)
    walk = resolve_walk(options, settings, source)
    brief, faults = _brief(options, settings, source, walk)
    for fault in faults.values():
        print_line(f"Left out: {fault}")
    plan = _plan(brief, walk)
    folder = WorkFolder(options.out)
    folder.open(build_manifest(brief, walk), restart=options.restart)
    _make_parts(brief, plan, folder, options.workers or settings.workers)
    parts = [folder.load_part(origin) for origin in plan.origins]
    issued = _calibrated(brief, plan, parts, settings.calibration)
    frame = rows_of(issued, _outcomes(brief), brief.horizons, brief.simulation.levels)
    write(frame, options.out)
    print_line(f"Wrote {len(frame)} rows to {options.out}")
    return Walked(
        out=options.out,
        plan=plan,
        forecasts=sum(len(origin.tickers) for origin in issued),
        remarks=tuple(remark for part in parts for remark in part.remarks),
        faults=faults,
        card=scorecard(frame, walk.every),
        seconds=round(time.monotonic() - started, 1),
    )


def _brief(
    options: BacktestOptions, settings: Settings, source: PriceSource, walk: WalkConfig
) -> tuple[Brief, dict[str, PriceError]]:
    wanted = settings.tickers or source.tickers()
    train = settings.train_tickers or wanted
    histories, faults = load_histories(source, tuple(dict.fromkeys((*wanted, *train))), walk.end)
    brief = Brief(
        out=options.out.absolute(),
        histories=histories,
        train=tuple(name for name in train if name in histories),
        tickers=tuple(name for name in wanted if name in histories),
        baselines=resolve_methods(options.methods),
        model=settings.model,
        simulation=resolve_simulation(settings, options.paths, walk.horizons[-1]),
        horizons=walk.horizons,
    )
    return brief, faults


def _plan(brief: Brief, walk: WalkConfig) -> Plan:
    reference = [brief.histories[name] for name in brief.train]
    last = max(history.last_session for history in reference)
    market = market_of(reference, last, brief.model.price_basis)
    return plan_walk(pd.DatetimeIndex(market.index), walk)


def _make_parts(brief: Brief, plan: Plan, folder: WorkFolder, workers: int) -> None:
    """Make the fits and forecasts that are not finished yet."""
    fits = [fit for fit in plan.fits if not folder.has_fit(fit)]
    origins = {day: plan.fit_of(day) for day in plan.origins if not folder.has_part(day)}
    print_line(
        f"{len(brief.tickers)} tickers, {len(plan.warm_up)} origins to warm up, {len(plan.reported)} to "
        f"report, {len(plan.fits)} fits; to do: {len(fits)} fits, {len(origins)} origins"
    )
    if not fits and not origins:
        return
    with crew(brief, workers) as pool:
        fit_all(pool, fits, Progress("fits", len(fits)).step)
        issue_all(pool, origins, Progress("origins", len(origins)).step)


def _calibrated(brief: Brief, plan: Plan, parts: Sequence[Issued], config: CalibrationConfig) -> list[Issued]:
    """Calibrate every origin; return the reported ones."""
    progress = Progress("calibrated", len(parts))
    issued = []
    scale = (brief.horizons, brief.simulation.levels)
    for origin in calibrated(parts, _outcomes(brief), scale, config):
        issued.append(origin)
        progress.step()
    return issued[len(plan.warm_up) :]


def _outcomes(brief: Brief) -> Outcomes:
    return Outcomes.of(brief.histories, brief.model.price_basis)


def write(frame: pd.DataFrame, out: Path) -> None:
    """Write the rows as Parquet or CSV, by the name of the file, which is whole or not there."""
    with atomic(out) as path:
        if out.suffix == ".parquet":
            frame.to_parquet(path, index=False, compression="zstd")
        else:
            compression = {"method": "gzip", "mtime": 0} if out.suffix == ".gz" else None
            frame.to_csv(path, index=False, compression=compression)
