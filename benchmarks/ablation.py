"""Ablation: the same walk with one part of the model left out or replaced.

    python benchmarks/ablation.py --csv-dir prices --out work

Scores are of the bands before calibration with the network's corrections in them, however few the tickers,
relative to the random walk with EWMA volatility; all variants forecast the same tickers from the same dates.
A stopped walk continues.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from flows.backtest.options import BacktestOptions
from flows.backtest.run import run_backtest
from flows.settings import load_settings
from forecasting.features.registry import select_features

VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "without LSTM": {"correction": "off"},
    "GRU": {"network": {"cell": "gru"}},
    "plain RNN": {"network": {"cell": "rnn"}},
    "market, too": {"network": {"market_inputs": True}},
    "without range": {"features": [name for name in select_features(()) if not name.startswith("range_")]},
    "without market": {"features": [name for name in select_features(()) if not name.startswith("market_")]},
    "without quarters": {
        "features": [name for name in select_features(()) if not name.startswith("quarter_")]
    },
    "without recency weights": {"training": {"weighting": "none"}},
    "squared loss": {"training": {"huber_delta": 1e6}},
    "absolute loss": {"training": {"huber_delta": 0.05}},
    "pinball loss": {"training": {"loss": "pinball"}},
}


def score_variant(name: str, options: argparse.Namespace) -> pd.DataFrame:
    """Walk one variant and return its scores by method and horizon."""
    changes = {
        part: dict(value) if isinstance(value, dict) else value for part, value in VARIANTS[name].items()
    }
    changes["training"] = {"max_epochs": options.epochs, **changes.get("training", {})}
    settings = load_settings(
        source="csv",
        csv_dir=options.csv_dir,
        tickers=options.tickers or None,
        model={"correction": "on", **changes},
    )
    backtest_options = BacktestOptions(
        out=options.out / f"{name.replace(' ', '-')}.csv.gz",
        start=options.start,
        end=options.end,
        every=options.every,
        retrain_every=252,
        warm_up=0,
        horizons="1,5,10,20,30",
        paths=400,
        methods="har",
        workers=options.workers,
        restart=False,
    )
    return run_backtest(backtest_options, settings, datetime.now(UTC)).card.scores


def format_row(name: str, scores: pd.DataFrame, method: str) -> str:
    """Format one line of the Markdown table."""
    own = scores[scores["method"] == method].sort_values("horizon")
    crps, winkler, coverage = (own[column] for column in ("crps_relative", "winkler_relative", "coverage"))
    cells = (
        " ".join(f"{value:.3f}" for value in crps),
        f"{crps.mean():.4f}",
        f"{winkler.mean():.3f}",
        " ".join(f"{value:.3f}" for value in coverage),
    )
    return f"| {name} | " + " | ".join(cells) + " |"


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv-dir", type=Path, required=True, help="folder of TICKER.csv files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the walks")
    parser.add_argument("--tickers", default="", help="with commas between; all files unless given")
    parser.add_argument("--start", type=date.fromisoformat, default=date(2009, 1, 2), help="first origin")
    parser.add_argument("--end", type=date.fromisoformat, default=date(2011, 12, 30), help="last origin")
    parser.add_argument("--every", type=int, default=20, help="sessions between origins")
    parser.add_argument("--epochs", type=int, default=20, help="upper bound of the epochs of each fit")
    parser.add_argument("--workers", type=int, help="processes; all cores unless given")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Walk every variant and print the table."""
    options = parse_options(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    print("| variant | CRPS at h = 1, 5, 10, 20, 30 | mean | Winkler, mean | 90 % coverage |")
    print("|" + "---|" * 5)
    for name in VARIANTS:
        scores = score_variant(name, options)
        if name == "full":
            print(format_row("direct log-HAR", scores, "har"))
        print(format_row(name, scores, "predictive"), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
