"""Monte-Carlo dropout on and off: the mean of the dropout runs, their mixture, and one run without masks.

    python benchmarks/dropout_masks.py --csv-dir prices --walk work/network.parquet

Models and origins are those of a walk of the ablation. All bands are uncalibrated and have the network's full
correction. Printed are coverage and the CRPS less that of the mean of the runs, in % of it, with its 90 %
interval.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import linear_walk
import numpy as np
import pandas as pd
import torch
from ablation import bootstrap

from flows.backtest.checkpoint import Checkpoint
from flows.settings import load_settings
from forecasting.config import MAIN_HORIZONS, SCORE_LEVELS, SimulationConfig
from forecasting.evaluation.scores import Scores
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.model.artifact import Model
from forecasting.model.dataset import TickerFeatures, build_ticker_features
from forecasting.model.heads import DropoutRuns, as_batch, bound_medians, forecast_heads, interpolate_knots
from forecasting.types import Floats

KEPT = [h - 1 for h in MAIN_HORIZONS]


def build_features(model: Model, returns: DailyReturns, market: pd.Series, origin: date) -> TickerFeatures:
    """Build what the network reads of a ticker at an origin."""
    lookback = model.manifest.config.training.lookback
    return build_ticker_features(
        returns.at(origin),
        market[: pd.Timestamp(origin)],
        model.manifest.features,
        lookback=lookback,
        newest=lookback,
        report_size=model.pool_report_size,
    )


def drop_no_unit(model: Model, ticker: TickerFeatures, runs: DropoutRuns) -> DropoutRuns:
    """Return the one run without masks, where others are a number of runs."""
    lookback = ticker.features[None, -model.manifest.config.training.lookback :, model.inputs]
    with torch.inference_mode():
        correction = model.network(as_batch(lookback)).correction[:, -1].numpy().astype(np.float64)
    knots = model.network.config.knots
    corrections = interpolate_knots(correction, knots, len(runs.linear))
    return DropoutRuns(runs.linear, corrections, runs.shape, weight=1.0)


def forecast_methods(model: Model, ticker: TickerFeatures, origin: date, *, runs: int) -> dict[str, Floats]:
    """Return the quantiles (5, 19) of each method."""
    config = SimulationConfig(levels=SCORE_LEVELS, dropout_runs=runs)
    masked = forecast_heads(model, ticker, config, as_of=origin)
    quantiles = {
        "mean of the runs": masked.quantiles(SCORE_LEVELS),
        "mixture of the runs": masked.mixture_quantiles(SCORE_LEVELS),
        "no masks": drop_no_unit(model, ticker, masked).quantiles(SCORE_LEVELS),
    }
    return {name: bound_medians(bands, config)[KEPT] for name, bands in quantiles.items()}


def score_walk(walk: Path, universe: Mapping[str, DailyReturns], *, runs: int) -> Iterator[dict[str, object]]:
    """Yield the scores of every method from every origin of a walk; a row a forecast and horizon."""
    parts = Checkpoint(walk)
    fits = sorted(date.fromisoformat(file.name[:10]) for file in parts.path.glob("*.model.json"))
    for origin in sorted(date.fromisoformat(file.stem) for file in parts.path.glob("????-??-??.npz")):
        model = parts.load_fit(max(fit for fit in fits if fit <= origin))
        market = compute_market_variance(universe[name] for name in model.manifest.reference)
        part = parts.load_part(origin)
        for row, ticker in enumerate(part.tickers):
            features = build_features(model, universe[ticker], market, origin)
            actual = universe[ticker].realised(origin, np.array(part.targets[row], "datetime64[D]"))
            for name, bands in forecast_methods(model, features, origin, runs=runs).items():
                scores = Scores(SCORE_LEVELS, bands, actual)
                for h, crps, inside in zip(MAIN_HORIZONS, scores.crps, scores.inside, strict=True):
                    yield {"as_of": origin, "method": name, "horizon": h, "crps": crps, "inside": inside}


def print_table(scores: pd.DataFrame) -> None:
    """Print a line for each method."""
    unit = scores[scores["method"] == "mean of the runs"].groupby("horizon")["crps"].mean()
    relative = scores.assign(relative=100 * scores["crps"] / scores["horizon"].map(unit))
    by_date = relative.pivot_table(index="as_of", columns="method", values="relative")
    for name in by_date:
        found = bootstrap((by_date[name] - by_date["mean of the runs"]).to_numpy())
        inside = scores[scores["method"] == name].groupby("horizon")["inside"].mean()
        covered = " ".join(f"{value:.3f}" for value in inside)
        print(f"| {name} | {found.mean:+.3f} [{found.lower:+.3f}, {found.upper:+.3f}] | {covered} |")


def main(arguments: Sequence[str]) -> None:
    """Read the options, forecast and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv-dir", type=Path, required=True, help="folder of TICKER.csv, with earnings.csv")
    parser.add_argument("--walk", type=Path, required=True, help="rows of the walk, with its parts beside it")
    parser.add_argument("--runs", type=int, default=20, help="dropout runs")
    options = parser.parse_args(arguments)
    settings = load_settings(source="csv", csv_dir=options.csv_dir)
    universe = linear_walk.load(settings, date(2019, 12, 31))
    scores = pd.DataFrame(score_walk(options.walk, universe, runs=options.runs))
    print_table(scores.dropna(subset=["crps"]))


if __name__ == "__main__":
    main(sys.argv[1:])
