"""Odds of the way against what happened: touches by tenth of their probability, drawdowns by quantile.

    python benchmarks/path_odds.py --csv-dir prices --tickers AAPL,JPM --every 63 --out odds.csv

The linear part is fitted every few years on all files of the folder, and walked; each forecast is calibrated
on the bands of that walk that had closed, and simulates its paths as a daily run does. The network, of a
single step, corrects nothing. Rows go to `--out` as they are made: one for each ticker, origin, horizon and
level. Beside the shares of drawdowns are their 90 % intervals by a block bootstrap over the origins.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import linear_walk
import numpy as np
import pandas as pd

from flows.settings import load_settings
from forecasting.backtesting.calibrated import calibrate_walk
from forecasting.backtesting.schedule import Schedule, schedule_walk
from forecasting.calibration import Calibration
from forecasting.config import BacktestConfig, CalibrationConfig, ModelConfig, SimulationConfig
from forecasting.evaluation.bootstrap import block_bootstrap
from forecasting.evaluation.paths import measure_extremes
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.model.artifact import Model
from forecasting.pipeline import Forecaster, fit_model, forecast_ticker

LONGEST_BLOCK = 10  # origins drawn together


def compare_odds(forecaster: Forecaster, returns: DailyReturns, origin: date) -> Iterator[tuple[object, ...]]:
    """Yield the odds of one forecast, each with its outcome: 1 or 0."""
    forecast = forecast_ticker(forecaster, returns.until(origin), origin)
    odds = forecast.odds
    if odds is None:
        return
    extremes = measure_extremes(returns.realised(origin, np.array(forecast.target_sessions, "datetime64[D]")))
    for row, sessions in enumerate(odds.within):
        highest, lowest = (np.expm1(part[sessions - 1]) for part in (extremes.highest, extremes.lowest))
        if np.isnan(highest):
            continue
        for move, probability in zip(odds.moves, odds.touch[row], strict=True):
            touched = highest >= move if move > 0 else lowest <= move
            yield returns.ticker, origin, sessions, "touch", move, probability, int(touched)
        for level, quantile in zip(odds.levels, odds.drawdown[row], strict=True):
            held = extremes.drawdown[sessions - 1] <= quantile
            yield returns.ticker, origin, sessions, "drawdown", level, quantile, int(held)


def walk(options: argparse.Namespace) -> None:
    """Fit, calibrate, forecast and write."""
    universe = linear_walk.load(load_settings(source="csv", csv_dir=options.csv_dir), options.end)
    market = compute_market_variance(universe.values())
    simulation = SimulationConfig(
        horizon=options.horizon, dropout_runs=options.runs, noise_paths=options.paths // options.runs
    )
    schedule = schedule_origins(market, options)
    calibrations = calibrate_origins(universe, schedule, options.horizon)
    origins = schedule.reported[: -(30 // options.learn_every) - 1 : options.every // options.learn_every]
    for session in schedule.fits:
        forecaster = Forecaster(
            fit_linear(universe, session), market, simulation.without_bounds(), simulates=True
        )
        for origin in [day for day in origins if schedule.find_fit(day) == session]:
            calibrated = replace(forecaster, calibration=calibrations[origin])
            for ticker in options.tickers.split(",") if options.tickers else universe:
                rows = pd.DataFrame(compare_odds(calibrated, universe[ticker], origin))
                rows.to_csv(options.out, mode="a", header=False, index=False)
            print(f"forecast from {origin}", file=sys.stderr, flush=True)


def schedule_origins(market: pd.Series, options: argparse.Namespace) -> Schedule:
    """Lay the origins that the calibration learns from, those with odds among them, over the sessions."""
    config = BacktestConfig(
        start=options.start,
        end=options.end,
        every=options.learn_every,
        retrain_every=options.refit,
        warm_up_sessions=756,
        warm_up_every=options.learn_every,
    )
    return schedule_walk(pd.DatetimeIndex(market.index), config)


def calibrate_origins(
    universe: Mapping[str, DailyReturns], schedule: Schedule, horizon: int
) -> dict[date, Calibration]:
    """Return the calibration of each origin, learned from bands of all horizons that had closed by it."""
    issued = list(linear_walk.walk(universe, schedule, horizons=tuple(range(1, horizon + 1))))
    learned = calibrate_walk(issued, universe, CalibrationConfig())
    return {origin.origin: calibration for origin, calibration in learned}


def fit_linear(universe: Mapping[str, DailyReturns], session: date) -> Model:
    """Fit a model whose network of one step corrects nothing."""
    config = ModelConfig.model_validate(
        {"correction": "off", "training": {"max_epochs": 1, "epoch_steps": 1}}
    )
    known = [returns.until(session) for returns in universe.values()]
    return fit_model([each for each in known if len(each)], session, config, on_epoch=lambda *_: None)


def print_tables(path: Path) -> None:
    """Print mean odds beside what happened, in each tenth and over all horizons, and drawdowns by level."""
    names = ["ticker", "as_of", "horizon", "statistic", "level", "value", "happened"]
    rows = pd.read_csv(path, names=names)
    touches = rows[rows["statistic"] == "touch"]
    tenth = (touches["value"] * 10).astype(int).clip(upper=9)
    table = touches.groupby(tenth).agg(
        cases=("value", "size"), mean=("value", "mean"), happened=("happened", "mean")
    )
    table["points"] = 100 * (table["happened"] - table["mean"])
    print(f"{rows['as_of'].nunique()} origins, {rows['ticker'].nunique()} tickers")
    print(table.round(3).to_string())
    drawdowns = rows[rows["statistic"] == "drawdown"]
    for horizon, own in drawdowns.groupby("horizon"):
        by_date = own.pivot_table(index="as_of", columns="level", values="happened")
        print(f"{horizon} sessions: " + ", ".join(f"{level} {describe(by_date[level])}" for level in by_date))


def describe(shares: pd.Series) -> str:
    """Describe the mean over the dates with its interval."""
    found = block_bootstrap(shares.to_numpy(), min(LONGEST_BLOCK, len(shares)), draws=2000, seed=7)
    return f"{found.mean:.3f} [{found.lower:.3f}, {found.upper:.3f}]"


def main(arguments: Sequence[str]) -> None:
    """Read the options, walk unless the rows are there, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv-dir", type=Path, required=True, help="folder of TICKER.csv files")
    parser.add_argument("--out", type=Path, required=True, help="rows; if they are there, only print")
    parser.add_argument("--tickers", default="", help="with commas between; all files unless given")
    parser.add_argument("--start", type=date.fromisoformat, default=date(2012, 1, 3), help="first origin")
    parser.add_argument("--end", type=date.fromisoformat, default=date(2019, 12, 31), help="last session")
    parser.add_argument("--every", type=int, default=63, help="sessions between origins")
    parser.add_argument(
        "--learn-every",
        type=int,
        default=9,
        help="sessions between bands that are learned from; divides --every",
    )
    parser.add_argument("--refit", type=int, default=1008, help="sessions between fits")
    parser.add_argument(
        "--horizon", type=int, default=30, help="longest horizon; 5 takes a sixth of the time"
    )
    parser.add_argument("--runs", type=int, default=20, help="dropout runs")
    parser.add_argument("--paths", type=int, default=400, help="paths of a forecast")
    options = parser.parse_args(arguments)
    if options.every % options.learn_every:
        parser.error(f"expected --learn-every to divide --every {options.every}, found {options.learn_every}")
    if not options.out.exists():
        walk(options)
    print_tables(options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
