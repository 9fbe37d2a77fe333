"""Ablation: the same walk with one part of the method left out or replaced.

    python benchmarks/ablation.py --csv-dir prices --out work

The shipped method on few tickers is the linear part with report dates, calibrated; its variants are compared
with it. Parts of the network are compared with the network's correction switched on, however few the tickers.
All variants forecast the same tickers from the same dates and are refitted twice. Printed are the CRPS of the
calibrated bands over the random walk's, the paired difference in % of that with its interval (90 %) in the
years to choose by and in those to state, and the coverage of the 90 % band in the latter. Rows of a variant
are one file; a stopped walk continues, and a finished one is only scored.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report_dates import BLOCK, KEYS, score_walk

from flows.backtest.options import BacktestOptions
from flows.backtest.run import run_backtest
from flows.settings import load_settings
from forecasting.evaluation.bootstrap import Interval, block_bootstrap
from forecasting.features.registry import select_features

CHOSEN_BY = (pd.Timestamp(2009, 1, 1), pd.Timestamp(2014, 12, 31))
STATED = (pd.Timestamp(2015, 1, 1), pd.Timestamp(2019, 12, 31))
TARGET = [*KEYS, "target_session"]
WITH_DATES = select_features((), with_dates=True)


@dataclass(frozen=True)
class Variant:
    """One change.

    Attributes:
        base: Name of the variant that it is compared with.
        model: Settings of the model that differ from the base's.
        earnings: Whether report dates are known.
        method: Band of the walk that is scored.
        walk: Name of the variant whose walk has that band; its own unless given.
    """

    base: str = "shipped"
    model: Mapping[str, Any] = field(default_factory=dict)
    earnings: str = "on"
    method: str = "calibrated"
    walk: str = ""


def _network(**changes: Any) -> Variant:
    return Variant("network", changes)


def _without(prefix: str) -> Variant:
    return Variant(model={"features": [name for name in WITH_DATES if not name.startswith(prefix)]})


VARIANTS: dict[str, Variant] = {
    "shipped": Variant(),
    "without report dates": Variant(earnings="off"),
    "without calibration": Variant(method="predictive", walk="shipped"),
    "linear part, no recency weights": Variant(model={"log_har": {"weighting": "none"}}),
    "linear part, exponential weights": Variant(model={"log_har": {"weighting": "exponential"}}),
    "without ranges": _without("ordinary_range_"),
    "without the market": _without("market_"),
    "network": Variant(model={"correction": "on"}),
    "one head": _network(network={"knots": [1], "shrinkage": [1.0]}),
    "GRU": _network(network={"cell": "gru"}),
    "plain RNN": _network(network={"cell": "rnn"}),
    "squared loss": _network(training={"huber_delta": 1e6}),
    "absolute loss": _network(training={"huber_delta": 0.05}),
    "pinball loss": _network(training={"loss": "pinball"}),
    "no recency weights": _network(training={"weighting": "none"}),
    "exponential weights": _network(training={"weighting": "exponential"}),
}


def walk_variant(name: str, options: argparse.Namespace) -> Path:
    """Walk one variant unless its rows are there; return their file."""
    variant = VARIANTS[name]
    out: Path = options.out / f"{name.replace(',', '').replace(' ', '-')}.parquet"
    if out.exists():
        return out
    corrects = "network" in (name, variant.base)
    steps = {"max_steps": options.steps} if corrects else {"max_steps": 1, "max_epochs": 1}
    model = {"correction": "on" if corrects else "off", **variant.model}
    model["training"] = {**steps, **variant.model.get("training", {})}
    settings = load_settings(
        source="csv",
        csv_dir=options.csv_dir,
        tickers=options.tickers or None,
        earnings=variant.earnings,
        model=model,
    )
    run_backtest(plan_walk(out, options), settings, datetime.now(UTC))
    return out


def plan_walk(out: Path, options: argparse.Namespace) -> BacktestOptions:
    """Return the options that all variants share."""
    return BacktestOptions(
        out=out,
        start=options.start,
        end=options.end,
        every=options.every,
        retrain_every=options.retrain_every,
        warm_up=0,
        horizons="1,5,10,20,30",
        paths=None,
        methods="random_walk",
        workers=options.workers,
        restart=False,
    )


def compare(own: pd.DataFrame, base: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Join the scores of a variant with those of its base and of the random walk, by forecast."""
    both = own.merge(base, on=TARGET, suffixes=("", "_base"))
    return both.merge(reference[[*TARGET, "crps"]], on=TARGET, suffixes=("", "_reference"))


def select_years(scores: pd.DataFrame, years: tuple[pd.Timestamp, pd.Timestamp]) -> pd.DataFrame:
    """Return the forecasts whose origin lies in a span."""
    return scores[scores["as_of"].between(*years)]


def measure_difference(scores: pd.DataFrame) -> Interval:
    """Return the paired CRPS less the base's in % of the random walk's, mean over horizons, by date."""
    unit = scores.groupby("horizon")["crps_reference"].mean()
    relative = 100 * (scores["crps"] - scores["crps_base"]) / scores["horizon"].map(unit)
    by_date = scores.assign(relative=relative).groupby("as_of")["relative"].mean()
    return bootstrap(by_date.to_numpy())


def bootstrap(values: np.ndarray) -> Interval:
    """Return the mean over the dates with its interval."""
    return block_bootstrap(values, min(BLOCK, len(values)), draws=2000, seed=7)


def format_row(name: str, scores: pd.DataFrame) -> str:
    """Format one line of the Markdown table."""
    stated = select_years(scores, STATED)
    each = stated.groupby("horizon")
    level = (each["crps"].mean() / each["crps_reference"].mean()).mean()
    inside = bootstrap(stated.groupby("as_of")["inside"].mean().to_numpy())
    is_base = bool((scores["crps"] == scores["crps_base"]).all())
    differences = [measure_difference(select_years(scores, years)) for years in (CHOSEN_BY, STATED)]
    cells = (
        f"{level:.4f}",
        *(
            "" if is_base else f"{each.mean:+.3f} [{each.lower:+.3f}, {each.upper:+.3f}]"
            for each in differences
        ),
        " ".join(f"{value:.3f}" for value in stated.groupby("horizon")["inside"].mean()),
        f"{inside.mean:.3f} [{inside.lower:.3f}, {inside.upper:.3f}]",
    )
    return f"| {name} | " + " | ".join(cells) + " |"


def score_variant(name: str, options: argparse.Namespace) -> pd.DataFrame:
    """Walk a variant and its base, and return their scores side by side."""
    variant = VARIANTS[name]
    own = score_walk(walk_variant(variant.walk or name, options), variant.method)
    base = walk_variant(variant.base, options)
    return compare(own, score_walk(base, "calibrated"), score_walk(base, "random_walk"))


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv-dir", type=Path, required=True, help="folder of TICKER.csv, with earnings.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder for the walks")
    parser.add_argument("--tickers", default="", help="with commas between; all files unless given")
    parser.add_argument("--start", type=date.fromisoformat, default=date(2009, 1, 2), help="first origin")
    parser.add_argument("--end", type=date.fromisoformat, default=date(2019, 11, 15), help="last origin")
    parser.add_argument("--every", type=int, default=10, help="sessions between origins")
    parser.add_argument("--retrain-every", type=int, default=1008, help="sessions between fits")
    parser.add_argument("--steps", type=int, default=100, help="upper bound of the steps of each fit")
    parser.add_argument("--workers", type=int, help="processes; all cores unless given")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Walk every variant and print the table."""
    options = parse_options(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    print("| variant | CRPS 2015-2019 | less its base 2009-2014 | 2015-2019 | coverage | mean |")
    print("|" + "---|" * 6)
    for name in VARIANTS:
        print(format_row(name, score_variant(name, options)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
