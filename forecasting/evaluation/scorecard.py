"""Scorecard of a walk: every table that it is judged by."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from forecasting.evaluation.bootstrap import compare_methods
from forecasting.evaluation.panel import build_panel
from forecasting.evaluation.reliability import histogram_pit, tabulate_coverage_tests
from forecasting.evaluation.score_tables import score_by_horizon, score_by_ticker

CONTENDERS = ("calibrated", "predictive", "random_walk")  # the first that is there is judged


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


def build_scorecard(rows: pd.DataFrame, every: int) -> Scorecard:
    """Judge the rows of a walk.

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
