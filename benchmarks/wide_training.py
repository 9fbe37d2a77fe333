"""Wide training: the network fitted on many tickers against its own linear part, on a few of them.

    python benchmarks/wide_training.py --csv-dir wide --tickers AAPL,ABT --fits 2014-12-31,2017-06-30

At each fit one model is trained on every file of the folder. It forecasts the tickers until the next fit
twice: with the network's corrections and with none, all else equal. Printed are time and memory of the fits,
and the CRPS with corrections less that without, in % of the random walk's, with its 90 % interval: of all
windows, and of those that hold a report of the folder's `earnings.csv`.
"""

import argparse
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from report_dates import mark_reports

from flows.backtest.options import fetch_universe
from flows.settings import load_settings
from flows.sources import CsvSource
from forecasting.backtesting.rows import tabulate_walk
from forecasting.backtesting.walk_forward import Methods, walk_forward
from forecasting.config import MAIN_HORIZONS, SCORE_LEVELS, ModelConfig, SimulationConfig, TrainingConfig
from forecasting.evaluation.bootstrap import block_bootstrap
from forecasting.evaluation.scores import Scores
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.model.artifact import Model
from forecasting.pipeline import Forecaster, fit_model

KEYS = ["ticker", "as_of", "horizon", "target_session"]
BLOCK = 10  # origins drawn together


def load_returns(options: argparse.Namespace) -> dict[str, DailyReturns]:
    """Load the returns of every file, with their report dates."""
    settings = load_settings(source="csv", csv_dir=options.csv_dir)
    source = CsvSource(options.csv_dir)
    universe = fetch_universe(settings, source, source.tickers(), end=options.end, now=datetime.now(UTC))
    for fault in universe.faults.values():
        print_line(f"left out: {fault}")
    return dict(universe.returns)


def fit_measured(universe: Sequence[DailyReturns], session: date, steps: int) -> Model:
    """Fit on every ticker, and print what it takes."""
    started, used = time.monotonic(), time.process_time()
    lines: list[str] = []

    def on_epoch(epoch: int, losses: dict[str, float]) -> None:
        spent = time.process_time() - used
        lines.append(f"epoch {epoch + 1}, step {losses['steps']:.0f}, {losses['validation_loss']:.5f}")
        print_line(f"{lines[-1]}, {spent:.0f} s of processor time")

    config = ModelConfig(correction="on", training=TrainingConfig(max_steps=steps))
    model = fit_model(universe, session, config, on_epoch=on_epoch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print_line(
        f"fit of {session}: {len(universe)} tickers, {time.process_time() - used:.0f} s of processor time, "
        f"{time.monotonic() - started:.0f} s, at most {peak:.2f} GiB, {model.metrics}"
    )
    return model


def score_model(
    model: Model, universe: Mapping[str, DailyReturns], tickers: Sequence[str], origins: Sequence[date]
) -> pd.DataFrame:
    """Score both kinds of bands from every origin; a row for each ticker, date and horizon."""
    manifest = model.manifest.model_copy(update={"no_correction": "left out by this benchmark"})
    market = compute_market_variance(universe[ticker] for ticker in model.manifest.reference)
    simulation = SimulationConfig(levels=SCORE_LEVELS, dropout_runs=20)
    parts = []
    for name, chosen in {"network": model, "linear": replace(model, manifest=manifest)}.items():
        methods = Methods(Forecaster(chosen, market, simulation), ("random_walk",), MAIN_HORIZONS)
        rows = tabulate_walk(list(walk_forward(methods, universe, tickers, origins=origins)), universe)
        wanted = {"predictive": name} | ({"random_walk": "random_walk"} if name == "network" else {})
        parts += [
            score_rows(rows[rows["method"] == method]).rename(column) for method, column in wanted.items()
        ]
    return pd.concat(parts, axis=1).reset_index()


def score_rows(rows: pd.DataFrame) -> pd.Series:
    """Return the CRPS of one method's rows by ticker, date, horizon and target."""
    known = rows.dropna(subset=["actual_log_return"]).astype({"ticker": str})
    wide = known.pivot_table(index=KEYS, columns="level", values="log_return")
    actual = known.groupby(KEYS)["actual_log_return"].first().reindex(wide.index)
    return pd.Series(Scores(tuple(wide.columns), wide.to_numpy(), actual.to_numpy()).crps, wide.index)


def print_difference(name: str, scores: pd.DataFrame) -> None:
    """Print network less linear part at each horizon and in the mean, in % of the random walk's CRPS."""
    unit = scores.groupby("horizon")["random_walk"].mean()
    relative = 100 * (scores["network"] - scores["linear"]) / scores["horizon"].map(unit)
    table = scores[["as_of", "horizon"]].assign(relative=relative)
    by_date = table.pivot_table(index="as_of", columns="horizon", values="relative")
    cells = [describe(by_date[h].dropna().to_numpy()) for h in by_date]
    mean = describe(by_date.mean(axis=1).to_numpy())
    levels = scores.groupby("horizon")[["network", "linear"]].mean().div(unit, axis=0).mean()
    print_line(f"| {name}, {len(scores)} outcomes | " + " | ".join([*cells, mean]) + " |")
    print_line(f"  of the random walk: network {levels['network']:.4f}, linear part {levels['linear']:.4f}")


def describe(differences: np.ndarray) -> str:
    """Describe the mean over the dates, each of equal weight, with its interval."""
    found = block_bootstrap(differences, min(BLOCK, len(differences)), draws=2000, seed=7)
    return f"{found.mean:+.2f} [{found.lower:+.2f}, {found.upper:+.2f}]"


def print_line(text: str) -> None:
    """Print at once: a fit takes minutes."""
    print(text, flush=True)


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv-dir", type=Path, required=True, help="folder of TICKER.csv, with earnings.csv")
    parser.add_argument("--tickers", required=True, help="those forecast, with commas between")
    parser.add_argument("--fits", default="2014-12-31,2017-06-30", help="sessions of the fits, in order")
    parser.add_argument("--end", type=date.fromisoformat, default=date(2019, 11, 15), help="last origin")
    parser.add_argument("--every", type=int, default=5, help="sessions between origins")
    parser.add_argument("--steps", type=int, default=1000, help="upper bound of the steps of each fit")
    parser.add_argument("--out", type=Path, help="file for the scores, as Parquet")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Fit, forecast and compare."""
    options = parse_options(arguments)
    universe = load_returns(options)
    tickers = options.tickers.split(",")
    sessions = pd.DatetimeIndex(universe[tickers[0]].session)
    fits = [pd.Timestamp(day) for day in options.fits.split(",")]
    ends = [*fits[1:], pd.Timestamp(options.end) + pd.Timedelta(days=1)]
    parts = []
    for fit, end in zip(fits, ends, strict=True):
        model = fit_measured(list(universe.values()), fit.date(), options.steps)
        between = sessions[(sessions >= fit) & (sessions < end)][:: options.every]
        parts.append(score_model(model, universe, tickers, [day.date() for day in between]))
    scores = pd.concat(parts, ignore_index=True)
    if options.out:
        scores.to_parquet(options.out)
    with_report = mark_reports(scores, pd.read_csv(options.csv_dir / "earnings.csv", parse_dates=["date"]))
    horizons = " | ".join(f"h = {h}" for h in MAIN_HORIZONS)
    print_line(f"| windows | {horizons} | mean |\n|" + "---|" * (len(MAIN_HORIZONS) + 2))
    for name, chosen in {"all": scores, "with a report": scores[with_report]}.items():
        print_difference(name, chosen)
    print_difference("without", scores[~with_report])


if __name__ == "__main__":
    main(sys.argv[1:])
