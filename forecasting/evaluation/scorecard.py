"""Scorecard of a walk: every table that it is judged by.

Scores are by method and horizon, and by ticker; one method is compared with each other by a block bootstrap;
coverage one session ahead is tested, and the probability integral transform has its histogram.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from forecasting.evaluation.bootstrap import Interval, block_bootstrap
from forecasting.evaluation.coverage_tests import Significance, christoffersen, kupiec
from forecasting.evaluation.metrics import mean_known
from forecasting.evaluation.panel import REFERENCE, Panel, build_panel
from forecasting.types import Floats

CONTENDERS = ("calibrated", "predictive", "random_walk")  # the first that is there is judged
DRAWS = 2000  # of the bootstrap
SEED = 7
PIT_BINS = 10
TEST_SIZE = 0.05
FEWEST_OUTCOMES = 20  # of a ticker, under which no test has any power
CoverageTest = Callable[[np.ndarray, float], Significance]


@dataclass(frozen=True)
class Scorecard:
    """Tables of a walk.

    Attributes:
        contender: The method that the tables of pairs, tickers and PIT are about.
        nominal_coverage: Of the outermost band.
        first: First date of issue.
        last: Last date of issue.
        n_dates: Dates of issue.
        n_tickers: Tickers.
        scores: By method and horizon.
        paired: The contender against each other method.
        tests: Coverage one session ahead.
        tickers: Coverage by ticker.
        pit: Histogram by horizon.
    """

    contender: str
    nominal_coverage: float
    first: date
    last: date
    n_dates: int
    n_tickers: int
    scores: pd.DataFrame
    paired: pd.DataFrame
    tests: pd.DataFrame
    tickers: pd.DataFrame
    pit: pd.DataFrame


class Terciles(NamedTuple):
    """(D, N) true where the volatility was in the lowest tercile, and in the highest."""

    calm: np.ndarray
    stressed: np.ndarray


def build_scorecard(rows: pd.DataFrame, every: int) -> Scorecard:
    """Score the rows of a walk.

    Args:
        rows: BACKTEST_ROWS.
        every: Sessions between dates of issue.

    Raises:
        UsageError: The rows are not those of a walk.
    """
    panel = build_panel(rows)
    contender = next(name for name in CONTENDERS if name in panel.methods)
    return Scorecard(
        contender=contender,
        nominal_coverage=panel.score(contender).nominal_coverage,
        first=pd.Timestamp(panel.dates[0]).date(),
        last=pd.Timestamp(panel.dates[-1]).date(),
        n_dates=len(panel.dates),
        n_tickers=len(panel.tickers),
        scores=score_by_horizon(panel),
        paired=compare_methods(panel, contender, every),
        tests=tabulate_coverage_tests(panel),
        tickers=score_by_ticker(panel, contender),
        pit=histogram_pit(panel, contender),
    )


def score_by_horizon(panel: Panel) -> pd.DataFrame:
    """Return scores by method and horizon.

    A score relative to the random walk rests on the forecasts that both have; coverage on all that a method
    has. `calm` and `stressed` are terciles of the dates, `own_` terciles of each ticker's own dates;
    `coverage_with_report` is that of windows up to whose target a report was expected at issue.
    """
    market, by_ticker = split_by_market(panel), split_by_ticker(panel)
    reference = panel.score(REFERENCE)
    rows = []
    for method in panel.methods:
        scores = panel.score(method)
        for index, horizon in enumerate(panel.horizons):
            below, above = scores.misses[..., index]
            low, high = scores.pinball[..., index]
            inside, reports = scores.inside[..., index], panel.reports_ahead[..., index]
            rows.append(
                {
                    "method": method,
                    "horizon": horizon,
                    "forecasts": int(np.isfinite(scores.known[..., index]).sum()),
                    "crps": finite_mean(scores.crps[..., index]),
                    "crps_relative": finite_ratio(scores.crps[..., index], reference.crps[..., index]),
                    "winkler": finite_mean(scores.winkler[..., index]),
                    "winkler_relative": finite_ratio(
                        scores.winkler[..., index], reference.winkler[..., index]
                    ),
                    "pinball_lower": finite_mean(low),
                    "pinball_upper": finite_mean(high),
                    "coverage": finite_mean(inside),
                    "below": finite_mean(below),
                    "above": finite_mean(above),
                    "coverage_calm": finite_mean(inside[market.calm]),
                    "coverage_stressed": finite_mean(inside[market.stressed]),
                    "own_calm": finite_mean(inside[by_ticker.calm]),
                    "own_stressed": finite_mean(inside[by_ticker.stressed]),
                    "coverage_with_report": finite_mean(inside[reports > 0]),
                    "coverage_without_report": finite_mean(inside[reports == 0]),
                }
            )
    return pd.DataFrame(rows)


def score_by_ticker(panel: Panel, method: str) -> pd.DataFrame:
    """Return coverage of one method by ticker and horizon, and its CRPS relative to the random walk's."""
    scores, reference = panel.score(method), panel.score(REFERENCE)
    rows = []
    for index, ticker in enumerate(panel.tickers):
        inside = scores.inside[:, index]
        ratios = [
            finite_ratio(scores.crps[:, index, step], reference.crps[:, index, step])
            for step in range(len(panel.horizons))
        ]
        rows.append(
            {
                "ticker": ticker,
                "forecasts": int(np.isfinite(inside[:, 0]).sum()),
                **{f"h{h}": finite_mean(inside[:, step]) for step, h in enumerate(panel.horizons)},
                "crps_relative": finite_mean(np.array(ratios)),
            }
        )
    return pd.DataFrame(rows)


def compare_methods(panel: Panel, contender: str, every: int) -> pd.DataFrame:
    """Compare the CRPS of one method with every other's, in units of the random walk's mean at the horizon.

    Args:
        panel: The walk.
        contender: The method that is judged.
        every: Sessions between its dates; the blocks of the bootstrap span the horizon.

    Returns:
        A row for each other method and horizon, and for the mean over the horizons (horizon 0): `difference`
        (contender less other) and its 90 % interval `lower` to `upper`, NaN where the dates do not span one
        block.
    """
    crps, reference = panel.score(contender).crps, panel.score(REFERENCE).crps
    scale = np.array([finite_mean(reference[..., index]) for index in range(len(panel.horizons))])
    rows = []
    for other in (method for method in panel.methods if method != contender):
        relative = (crps - panel.score(other).crps) / scale  # (D, N, H)
        parts = [relative[..., index] for index in range(len(panel.horizons))]
        for horizon, part in zip((*panel.horizons, 0), (*parts, relative.mean(axis=-1)), strict=True):
            interval = _interval(part, horizon or panel.horizons[-1], every)
            rows.append({"other": other, "horizon": horizon, **interval._asdict()})
    return pd.DataFrame(rows).rename(columns={"mean": "difference"})


def _interval(differences: Floats, horizon: int, every: int) -> Interval:
    known = differences[np.isfinite(differences).any(axis=1)]
    block = math.ceil(horizon / every)
    if len(known) < 2 * block:
        return Interval(finite_mean(differences), float("nan"), float("nan"))
    return block_bootstrap(known, block, DRAWS, seed=SEED)


def tabulate_coverage_tests(panel: Panel) -> pd.DataFrame:
    """Return the share of tickers that pass at 5 %, by method, at horizon 1; no rows where that is missing.

    `kupiec` and `christoffersen` look at misses of the whole band, `kupiec_lower` and `kupiec_upper` at one
    tail. A right forecaster passes about 95 % of the time, a little more or less where outcomes are few.
    """
    if 1 not in panel.horizons:
        return pd.DataFrame()
    index, tail = panel.horizons.index(1), panel.levels[0]
    rows = []
    for method in panel.methods:
        below, above = panel.score(method).misses[..., index]
        rows.append(
            {
                "method": method,
                "kupiec": _share_passed(below + above, 2 * tail, kupiec),
                "christoffersen": _share_passed(below + above, 2 * tail, christoffersen),
                "kupiec_lower": _share_passed(below, tail, kupiec),
                "kupiec_upper": _share_passed(above, tail, kupiec),
            }
        )
    return pd.DataFrame(rows)


def _share_passed(misses: Floats, level: float, test: CoverageTest) -> float:
    """Return the share of the N tickers of (D, N) misses that the test does not reject."""
    columns = [column[np.isfinite(column)] for column in misses.T]
    tested = [hits for hits in columns if len(hits) >= FEWEST_OUTCOMES]
    passed = [float(test(hits > 0, level).p_value >= TEST_SIZE) for hits in tested]
    return finite_mean(np.array(passed))


def histogram_pit(panel: Panel, method: str) -> pd.DataFrame:
    """Return the share of outcomes in each tenth of the forecast distribution, by horizon; 0.1 is right."""
    transform = panel.score(method).pit
    rows = []
    for index, horizon in enumerate(panel.horizons):
        values = transform[..., index][np.isfinite(transform[..., index])]
        counts, _ = np.histogram(values, bins=PIT_BINS, range=(0, 1))
        shares = counts / max(len(values), 1)
        rows.append({"horizon": horizon, **{f"p{tenth * 10}": share for tenth, share in enumerate(shares)}})
    return pd.DataFrame(rows)


def split_by_market(panel: Panel) -> Terciles:
    """Split by the mean width over the tickers: a date is calm or stressed for all of them."""
    width = _reference_width(panel)
    return _terciles(np.broadcast_to(mean_known(width)[:, None], width.shape))


def split_by_ticker(panel: Panel) -> Terciles:
    """Split by each ticker's own width, over its own dates."""
    return _terciles(_reference_width(panel))


def _reference_width(panel: Panel) -> Floats:
    """(D, N) width of the random walk's band at the shortest horizon: its volatility at issue."""
    reference = panel.score(REFERENCE)
    return (reference.upper - reference.lower)[..., 0]


def _terciles(level: Floats) -> Terciles:
    """Terciles along the dates, column by column."""
    empty = ~np.isfinite(level).any(axis=0)
    filled = np.where(empty, 0.0, level)
    low, high = np.nanquantile(filled, [1 / 3, 2 / 3], axis=0)
    return Terciles(level <= low, level >= high)


def finite_mean(values: Floats) -> float:
    """Return the mean of the finite values, NaN where there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def finite_ratio(values: Floats, others: Floats) -> float:
    """Return the ratio of the means where both are finite."""
    both = np.isfinite(values) & np.isfinite(others)
    bottom = finite_mean(others[both])
    return finite_mean(values[both]) / bottom if bottom else float("nan")
