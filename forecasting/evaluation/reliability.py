"""Tests of coverage one session ahead, and histograms of the probability integral transform."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from forecasting.evaluation.coverage_tests import Significance, christoffersen, kupiec
from forecasting.evaluation.panel import Panel
from forecasting.evaluation.score_tables import finite_mean
from forecasting.types import Floats

BINS = 10
SIZE = 0.05  # of a test
FEWEST = 20  # outcomes of a ticker, under which no test has any power
CoverageTest = Callable[[np.ndarray, float], Significance]


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
    passed = [float(test(hits > 0, level).p_value >= SIZE) for hits in columns if len(hits) >= FEWEST]
    return finite_mean(np.array(passed))


def histogram_pit(panel: Panel, method: str) -> pd.DataFrame:
    """Return the share of outcomes in each tenth of the forecast distribution, by horizon; 0.1 is right."""
    transform = panel.score(method).pit
    rows = []
    for index, horizon in enumerate(panel.horizons):
        values = transform[..., index][np.isfinite(transform[..., index])]
        counts, _ = np.histogram(values, bins=BINS, range=(0, 1))
        shares = counts / max(len(values), 1)
        rows.append({"horizon": horizon, **{f"p{tenth * 10}": share for tenth, share in enumerate(shares)}})
    return pd.DataFrame(rows)
