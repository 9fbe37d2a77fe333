"""Run a backtest: schedule, fit, forecast, calibrate, write, judge."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import typer

from flows.backtest.checkpoint import Checkpoint
from flows.backtest.options import (
    BacktestOptions,
    describe_walk,
    fetch_universe,
    require_writable,
    resolve_methods,
    resolve_simulation,
    resolve_walk,
)
from flows.backtest.workers import WalkTask, await_all, fit, issue
from flows.files import atomic
from flows.processes import call_with_shared, start_processes
from flows.progress_line import ProgressLine
from flows.settings import Settings
from flows.sources.calendars import read_calendars
from flows.sources.registry import open_source
from flows.sources.training import OWN, choose_training_universe
from forecasting.backtesting.calibrated import calibrate_walk
from forecasting.backtesting.rows import tabulate_walk
from forecasting.backtesting.schedule import Schedule, schedule_walk
from forecasting.backtesting.walk_forward import Issued, Remark
from forecasting.config import CalibrationConfig
from forecasting.errors import PriceError
from forecasting.evaluation.scorecard import Scorecard, build_scorecard
from forecasting.features.market import compute_market_variance
from forecasting.text import format_count


@dataclass(frozen=True)
class BacktestResult:
    """Result of a backtest.

    Attributes:
        out: The rows.
        schedule: Its origins.
        forecasts: Tickers x reported origins that were forecast.
        remarks: What was left out or replaced.
        faults: Tickers whose prices could not be used at all.
        card: The scores.
        seconds: Of this call.
    """

    out: Path
    schedule: Schedule
    forecasts: int
    remarks: tuple[Remark, ...]
    faults: Mapping[str, PriceError]
    card: Scorecard
    seconds: float

    def left_out(self) -> dict[str, dict[str, int]]:
        """Return method (if not all) and reason -> ticker -> how many origins."""
        counts: dict[str, Counter[str]] = {}
        for remark in self.remarks:
            key = remark.reason if remark.method == "all" else f"{remark.method}: {remark.reason}"
            counts.setdefault(key, Counter())[remark.ticker] += 1
        return {key: dict(sorted(each.items())) for key, each in sorted(counts.items())}


def run_backtest(options: BacktestOptions, settings: Settings, now: datetime) -> BacktestResult:
    """Walk, write the rows, and score them.

    Raises:
        UsageError: The options make no sense, or the parts beside the result belong to another walk.
        MissingExtraError: A library that the options need is not installed.
        SourceError: No prices.
        ModelError: A fit failed.
    """
    started = time.monotonic()
    require_writable(options.out)
    source = open_source(settings, now)
    walk = resolve_walk(options, settings, source, now=now)
    baselines = resolve_methods(options.methods)
    simulation = resolve_simulation(settings, options.paths, walk.horizons[-1])
    wanted = settings.tickers or source.tickers()
    # Unlike a daily run's, its universe is wide only on request: it fetches everything at once.
    train_universe = settings.train_universe or OWN
    chosen = settings.model_copy(update={"train_universe": train_universe})
    train = choose_training_universe(chosen, wanted, read_calendars(settings)).tickers
    universe = fetch_universe(settings, source, (*wanted, *train), end=walk.end, now=now)
    for fault in universe.faults.values():
        typer.echo(f"Left out: {fault}", err=True)
    task = WalkTask(
        out=options.out.absolute(),
        universe=universe.returns,
        train=tuple(ticker for ticker in train if ticker in universe.returns),
        tickers=tuple(ticker for ticker in wanted if ticker in universe.returns),
        baselines=baselines,
        model=settings.model,
        simulation=simulation,
        horizons=walk.horizons,
        calendars=read_calendars(settings),
    )
    market = compute_market_variance(task.universe[ticker] for ticker in task.train)
    schedule = schedule_walk(pd.DatetimeIndex(market.index), walk)
    checkpoint = Checkpoint(options.out)
    with checkpoint.open(describe_walk(task, walk), restart=options.restart):
        _make_parts(task, schedule, checkpoint, workers=options.workers or settings.workers)
        parts = [checkpoint.load_part(origin) for origin in schedule.origins]
    issued = _calibrate(task, schedule, parts, config=settings.calibration)
    rows = tabulate_walk(issued, task.universe)
    write_rows(rows, options.out)
    typer.echo(f"Wrote {format_count(len(rows), 'row')} to {options.out}", err=True)
    return BacktestResult(
        out=options.out,
        schedule=schedule,
        forecasts=sum(len(origin.tickers) for origin in issued),
        remarks=tuple(remark for part in parts for remark in part.remarks),
        faults=universe.faults,
        card=build_scorecard(rows, walk.every),
        seconds=round(time.monotonic() - started, 1),
    )


def _make_parts(task: WalkTask, schedule: Schedule, checkpoint: Checkpoint, *, workers: int) -> None:
    """Fit and forecast what is not finished yet.

    Raises:
        ModelError: A fit failed, or a model is at fault in a forecast.
    """
    fits = [session for session in schedule.fits if not checkpoint.has_fit(session)]
    origins = {day: schedule.find_fit(day) for day in schedule.origins if not checkpoint.has_part(day)}
    typer.echo(
        f"{format_count(len(task.tickers), 'ticker')}, "
        f"{format_count(len(schedule.warm_up), 'origin')} to warm up, "
        f"{len(schedule.reported)} to report, {format_count(len(schedule.fits), 'fit')}; "
        f"to do: {format_count(len(fits), 'fit')}, {format_count(len(origins), 'origin')}",
        err=True,
    )
    if fits or origins:
        with start_processes(workers, task) as pool:
            models = [pool.submit(call_with_shared, fit, session) for session in fits]
            await_all(models, ProgressLine("fits", len(fits)).step)
            forecasts = [
                pool.submit(call_with_shared, issue, origin, fitted) for origin, fitted in origins.items()
            ]
            await_all(forecasts, ProgressLine("origins", len(origins)).step)


def _calibrate(
    task: WalkTask, schedule: Schedule, parts: Sequence[Issued], *, config: CalibrationConfig
) -> list[Issued]:
    """Return the reported origins, calibrated."""
    progress, issued = ProgressLine("calibrated", len(parts)), []
    for origin, _ in calibrate_walk(parts, task.universe, config):
        issued.append(origin)
        progress.step()
    return issued[len(schedule.warm_up) :]


def write_rows(rows: pd.DataFrame, out: Path) -> None:
    """Write Parquet or CSV by the file's name; the file is whole or not there."""
    with atomic(out) as path:
        if out.suffix == ".parquet":
            rows.to_parquet(path, index=False, compression="zstd")
        else:
            compression = {"method": "gzip", "mtime": 0} if out.suffix == ".gz" else None
            rows.to_csv(path, index=False, compression=compression)
