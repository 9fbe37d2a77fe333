"""Walk the baselines forward over a folder of CSV files and print their scores beside the random walk's.

    python benchmarks/baselines.py --csv-dir prices --start 2012-01-01 --end 2019-12-31

The pooled log-HAR is fitted at the first origin of each year and serves until the next, GARCH at every
origin. Nothing after an origin is seen: splits that came later change no log return, and all else is cut.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from flows.sources import CsvSource
from forecasting.adjustment import adjust
from forecasting.baselines.garch import garch
from forecasting.baselines.har import NAMES, HarConfig, fit_har
from forecasting.baselines.historical import filtered_historical
from forecasting.baselines.past import Past, past_of
from forecasting.baselines.random_walk import random_walk
from forecasting.comparison import block_bootstrap
from forecasting.config import SimulationConfig
from forecasting.errors import GarchFitError, PriceError
from forecasting.forecast import Floats
from forecasting.market import market_variance
from forecasting.metrics import crps, inside, winkler
from forecasting.quality import check_bars
from forecasting.series import TickerSeries, build_series

SIMULATION = SimulationConfig(
    levels=tuple(round(step / 20, 2) for step in range(1, 20)), dropout_runs=200, noise_paths=20
)
HORIZONS = (1, 5, 10, 20, 30)
SCORES = ("CRPS", "Winkler", "coverage")
Forecaster = Callable[[Past], Floats]


@dataclass(frozen=True)
class Panel:
    """Adjusted bars and training series by ticker, and the market variance of them all."""

    bars: Mapping[str, pd.DataFrame]
    series: Mapping[str, TickerSeries]
    market: pd.Series

    def outcome(self, ticker: str, origin: pd.Timestamp) -> Floats:
        """(H,) cumulative log returns after the origin; empty where a bar is missing."""
        closes = np.log(
            self.bars[ticker]["close"].loc[origin:].to_numpy(np.float64)[: SIMULATION.horizon + 1]
        )
        traded = origin in self.bars[ticker].index and len(closes) == SIMULATION.horizon + 1
        return closes[1:] - closes[0] if traded else np.empty(0)


def load(folder: Path, tickers: Sequence[str], end: date) -> Panel:
    """Every ticker up to `end`, checked as the product checks it; a faulty one is named and left out."""
    source, bars = CsvSource(folder), {}
    for ticker in tickers or source.tickers():
        try:
            history = source.fetch(ticker, None, end)
            check_bars(history)
            bars[ticker] = adjust(history, end, "split_adjusted")
        except PriceError as error:
            print(error, file=sys.stderr)
    market = market_variance(frame["close"] for frame in bars.values())
    series = {ticker: build_series(ticker, frame, market, NAMES, 1) for ticker, frame in bars.items()}
    return Panel(bars, series, market)


def until(series: TickerSeries, origin: pd.Timestamp) -> TickerSeries:
    """The training series as it stood at the close of the origin."""
    known = int(np.searchsorted(series.sessions, origin.to_datetime64(), side="right"))
    return replace(
        series,
        sessions=series.sessions[:known],
        features=series.features[:known],
        volatility=series.volatility[:known],
        target=np.append(series.target[: max(known - 1, 0)], np.nan)[:known],
    )


def use_random_walk(_: Panel, __: pd.Timestamp) -> Forecaster:
    """Nothing to fit."""
    return lambda past: random_walk(past, SIMULATION)


def use_filtered_historical(_: Panel, __: pd.Timestamp) -> Forecaster:
    """Nothing to fit."""
    return lambda past: filtered_historical(past, SIMULATION)


def use_har(panel: Panel, origin: pd.Timestamp) -> Forecaster:
    """One pooled fit."""
    fitted = fit_har([until(one, origin) for one in panel.series.values()], HarConfig(), SIMULATION)
    return lambda past: fitted(past, SIMULATION)


def use_garch(_: Panel, __: pd.Timestamp) -> Forecaster:
    """A fit at every forecast, as the product would; the random walk, said aloud, where there is none."""

    def forecast(past: Past) -> Floats:
        try:
            return garch(past, SIMULATION)
        except GarchFitError as error:
            print(error, file=sys.stderr)
            return random_walk(past, SIMULATION)

    return forecast


METHODS = {
    "random walk": use_random_walk,
    "fhs": use_filtered_historical,
    "har": use_har,
    "garch": use_garch,
}


def score(quantiles: Floats, outcome: Floats) -> Floats:
    """(3, K) CRPS, Winkler score and coverage of the 90 % band at HORIZONS."""
    kept = [h - 1 for h in HORIZONS]
    low, high, happened = quantiles[kept, 0], quantiles[kept, -1], outcome[kept]
    scores = (
        crps(SIMULATION.levels, quantiles[kept], happened),
        winkler(low, high, happened, coverage=0.9),
        inside(low, high, happened),
    )
    return np.stack(scores)


def score_origin(panel: Panel, origin: pd.Timestamp, forecasters: Sequence[Forecaster]) -> Floats:
    """(N, P, 3, K) scores of N tickers by P methods, NaN where a ticker cannot be forecast or judged."""
    scores = np.full((len(panel.bars), len(forecasters), len(SCORES), len(HORIZONS)), np.nan)
    for row, (ticker, bars) in enumerate(panel.bars.items()):
        outcome = panel.outcome(ticker, origin)
        if not outcome.size:
            continue
        try:
            past = past_of(ticker, bars.loc[:origin], panel.market)
            scores[row] = [score(forecast(past), outcome) for forecast in forecasters]
        except PriceError as error:
            print(error, file=sys.stderr)
    return scores


def walk(panel: Panel, origins: Sequence[pd.Timestamp], methods: Sequence[str]) -> Iterator[Floats]:
    """Scores of every origin, with progress on stderr."""
    started, year, forecasters = time.monotonic(), 0, list[Forecaster]()
    for done, origin in enumerate(origins):
        if origin.year != year:
            year, forecasters = origin.year, [METHODS[name](panel, origin) for name in methods]
        yield score_origin(panel, origin, forecasters)
        left = (time.monotonic() - started) / (done + 1) * (len(origins) - done - 1)
        print(
            f"\r{done + 1} of {len(origins)} origins, {left:.0f} s left ", end="", file=sys.stderr, flush=True
        )


def table(scores: Floats, methods: Sequence[str], block: int) -> str:
    """Scores (D, N, P, 3, K) as Markdown, CRPS and Winkler relative to the first method.

    The interval is that of the mean relative CRPS, by a block bootstrap of dates.
    """
    mean = np.nanmean(scores, axis=(0, 1))  # (P, 3, K)
    relative = scores[:, :, :, 0] / mean[0, 0]  # (D, N, P, K)
    lines = [
        "| method | CRPS at h = "
        + ", ".join(map(str, HORIZONS))
        + " | mean, 90 % interval | Winkler, mean | 90 % coverage |"
    ]
    lines.append("|" + "---|" * 5)
    for place, name in enumerate(methods):
        difference = (relative[:, :, place] - relative[:, :, 0]).mean(axis=-1)  # (D, N)
        held = block_bootstrap(difference, block, draws=2000, seed=7)
        cells = (
            " ".join(f"{ratio:.3f}" for ratio in mean[place, 0] / mean[0, 0]),
            f"{1 + held.mean:.4f} [{1 + held.lower:.3f}, {1 + held.upper:.3f}]",
            " ".join(f"{r:.3f}" for r in mean[place, 1] / mean[0, 1])
            + f", {np.mean(mean[place, 1] / mean[0, 1]):.3f}",
            " ".join(f"{share:.3f}" for share in mean[place, 2]),
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv-dir", type=Path, required=True, help="folder of TICKER.csv files")
    parser.add_argument("--start", type=date.fromisoformat, required=True, help="first origin")
    parser.add_argument("--end", type=date.fromisoformat, required=True, help="last session that is read")
    parser.add_argument("--every", type=int, default=10, help="sessions between origins")
    parser.add_argument("--tickers", nargs="*", default=(), help="all files of the folder unless given")
    parser.add_argument("--methods", nargs="*", choices=list(METHODS)[1:], default=list(METHODS)[1:])
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    """Run the walk and print the table."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    panel = load(options.csv_dir, options.tickers, options.end)
    sessions = pd.DatetimeIndex(panel.market.index)
    first = sessions.searchsorted(pd.Timestamp(options.start))
    origins = list(sessions[first : len(sessions) - SIMULATION.horizon : options.every])
    methods = ["random walk", *options.methods]
    scores = np.stack(list(walk(panel, origins, methods)))
    judged = int(np.isfinite(scores[:, :, 0, 0, 0]).sum())
    print(f"\n{len(panel.bars)} tickers, {len(origins)} origins, {judged} forecasts of each method\n")
    print(table(scores, methods, block=math.ceil(SIMULATION.horizon / options.every)))


if __name__ == "__main__":
    main(sys.argv[1:])
