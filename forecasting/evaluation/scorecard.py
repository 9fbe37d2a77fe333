"""Everything that a walk is judged by."""

from dataclasses import dataclass

import pandas as pd

from forecasting.evaluation.paired import paired_table
from forecasting.evaluation.panel import Panel, panel_of
from forecasting.evaluation.reliability import pit_table, significance_table
from forecasting.evaluation.scores import score_table, ticker_table

CONTENDERS = ("calibrated", "predictive", "random_walk")  # the first that is there is judged


@dataclass(frozen=True)
class Scorecard:
    """Tables of a walk.

    Attributes:
        contender: The method that the tables of pairs, tickers and PIT are about.
        coverage: Nominal probability of the outermost band.
        span: First and last date of issue, number of dates, number of tickers.
        scores: By method and horizon.
        paired: The contender against each other method.
        tests: Coverage one session ahead.
        tickers: Coverage by ticker.
        pit: Histogram by horizon.
    """

    contender: str
    coverage: float
    span: tuple[str, str, int, int]
    scores: pd.DataFrame
    paired: pd.DataFrame
    tests: pd.DataFrame
    tickers: pd.DataFrame
    pit: pd.DataFrame


def scorecard(frame: pd.DataFrame, every: int) -> Scorecard:
    """Judge the rows of a walk.

    Args:
        frame: Rows with the columns of `panel.COLUMNS`.
        every: Sessions between dates of issue.

    Raises:
        UsageError: The rows are not those of a walk.
    """
    panel = panel_of(frame)
    contender = next(name for name in CONTENDERS if name in panel.methods)
    return Scorecard(
        contender=contender,
        coverage=panel.coverage,
        span=_span(panel),
        scores=score_table(panel),
        paired=paired_table(panel, contender, every),
        tests=significance_table(panel),
        tickers=ticker_table(panel, contender),
        pit=pit_table(panel, contender),
    )


def _span(panel: Panel) -> tuple[str, str, int, int]:
    first, last = (str(pd.Timestamp(day).date()) for day in (panel.dates[0], panel.dates[-1]))
    return first, last, len(panel.dates), len(panel.tickers)
