"""Odds of the way against what happened: touches by tenth of their probability, drawdowns by quantile.

    python benchmarks/path_odds.py --csv-dir prices --tickers AAPL,JPM --every 63 --out odds.csv

The linear part is fitted every few years on all files of the folder; bands are those before calibration, and
the network of one step corrects nothing. Each forecast simulates its paths as a daily run does. Rows go to
`--out` as they are made: one for each ticker, origin, horizon and level.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from flows.backtest.options import load_universe
from flows.settings import load_settings
from flows.sources.earnings import read_earnings_dates
from flows.sources.registry import open_source
from forecasting.config import ModelConfig, SimulationConfig
from forecasting.evaluation.paths import measure_extremes
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.pipeline import Forecaster, fit_model, forecast_ticker

DRAWDOWN_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def load_returns(folder: Path, end: date) -> dict[str, DailyReturns]:
    """Load the daily returns of every file of a folder, with the earnings dates beside them."""
    settings = load_settings(source="csv", csv_dir=folder)
    now = datetime.now(UTC)
    source = open_source(settings, now)
    tickers = source.tickers()
    dates = read_earnings_dates(settings, source, tickers)
    return dict(load_universe(source, tickers, end, now=now, basis="split_adjusted", earnings=dates).returns)


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
    """Fit, forecast and write."""
    universe = load_returns(options.csv_dir, options.end)
    market = compute_market_variance(universe.values())
    sessions = market.index[(market.index >= str(options.start)) & (market.index <= str(options.end))]
    config = ModelConfig.model_validate(
        {"correction": "off", "training": {"max_epochs": 1, "epoch_steps": 1}}
    )
    simulation = SimulationConfig(dropout_runs=options.runs, noise_paths=options.paths // options.runs)
    simulation = simulation.without_bounds()
    forecaster = Forecaster(None, market, replace_levels(simulation), simulates=True)
    for position in range(0, len(sessions) - 31, options.every):
        origin = sessions[position].date()
        if position % options.refit == 0:
            known = [returns.until(origin) for returns in universe.values()]
            model = fit_model([each for each in known if len(each)], origin, config, report=lambda *_: None)
            forecaster = replace(forecaster, model=model)
        for ticker in options.tickers.split(",") if options.tickers else universe:
            rows = pd.DataFrame(compare_odds(forecaster, universe[ticker], origin))
            rows.to_csv(options.out, mode="a", header=False, index=False)


def replace_levels(simulation: SimulationConfig) -> SimulationConfig:
    """Return the same with the levels of the drawdown quantiles."""
    return simulation.at_levels(DRAWDOWN_LEVELS)


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
    print(drawdowns.pivot_table(index="horizon", columns="level", values="happened").round(3).to_string())


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
    parser.add_argument("--refit", type=int, default=504, help="sessions between fits, a multiple of --every")
    parser.add_argument("--runs", type=int, default=20, help="dropout runs")
    parser.add_argument("--paths", type=int, default=400, help="paths of a forecast")
    options = parser.parse_args(arguments)
    if not options.out.exists():
        walk(options)
    print_tables(options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
