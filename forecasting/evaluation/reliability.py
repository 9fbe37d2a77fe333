"""Tests of coverage one session ahead, and histograms of the probability integral transform."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from forecasting.evaluation.coverage_tests import Significance, christoffersen, kupiec
from forecasting.evaluation.panel import Panel
from forecasting.evaluation.scores import mean
from forecasting.types import Floats

BINS = 10
SIZE = 0.05  # of a test
FEWEST = 20  # outcomes of a ticker, under which no test says anything
Test = Callable[[np.ndarray, float], Significance]


def significance_table(panel: Panel) -> pd.DataFrame:
    """Share of tickers that pass at 5 %, by method, at horizon 1; without rows where that is not in it.

    `kupiec` and `christoffersen` look at misses of the whole band, `kupiec_lower` and `kupiec_upper` at one
    tail. A right forecaster passes about 95 % of the time, a little more or less where outcomes are few.
    """
    if 1 not in panel.horizons:
        return pd.DataFrame()
    place, tail = panel.horizons.index(1), panel.levels[0]
    rows = []
    for method in panel.methods:
        scores = panel.of(method)
        below, above = (part[..., place] for part in scores.misses)
        outside = below + above
        rows.append(
            {
                "method": method,
                "kupiec": _share(outside, 2 * tail, kupiec),
                "christoffersen": _share(outside, 2 * tail, christoffersen),
                "kupiec_lower": _share(below, tail, kupiec),
                "kupiec_upper": _share(above, tail, kupiec),
            }
        )
    return pd.DataFrame(rows)


def _share(misses: Floats, level: float, test: Test) -> float:
    """Of (D, N) misses, the share of tickers that the test does not reject."""
    columns = [column[np.isfinite(column)] for column in misses.T]
    passed = [float(test(one > 0, level).p_value >= SIZE) for one in columns if len(one) >= FEWEST]
    return mean(np.array(passed))


def pit_table(panel: Panel, method: str) -> pd.DataFrame:
    """Share of the outcomes in each tenth of the forecast distribution, by horizon; 0.1 each is right."""
    transform = panel.of(method).pit
    rows = []
    for place, horizon in enumerate(panel.horizons):
        values = transform[..., place][np.isfinite(transform[..., place])]
        counts, _ = np.histogram(values, bins=BINS, range=(0, 1))
        shares = counts / max(len(values), 1)
        rows.append({"horizon": horizon, **{f"p{tenth * 10}": share for tenth, share in enumerate(shares)}})
    return pd.DataFrame(rows)
