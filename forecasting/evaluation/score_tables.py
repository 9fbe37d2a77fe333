"""Tables of scores: a row for each method and horizon, and for each ticker."""

import numpy as np
import pandas as pd

from forecasting.evaluation.panel import REFERENCE, Panel
from forecasting.evaluation.scores import Scores
from forecasting.evaluation.terciles import Terciles, split_by_market, split_by_ticker
from forecasting.types import Floats


def score_by_horizon(panel: Panel) -> pd.DataFrame:
    """Return scores by method and horizon.

    A score relative to the random walk rests on the forecasts that both have; coverage on all that a method
    has. `calm` and `stressed` are terciles of the dates, `own_` terciles of each ticker's own dates.
    """
    market, own = split_by_market(panel), split_by_ticker(panel)
    reference = panel.score(REFERENCE)
    rows = []
    for method in panel.methods:
        scores = panel.score(method)
        for index, horizon in enumerate(panel.horizons):
            below, above = scores.misses[..., index]
            low, high = scores.pinball[..., index]
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
                    "coverage": finite_mean(scores.inside[..., index]),
                    "below": finite_mean(below),
                    "above": finite_mean(above),
                    **_coverage_by_tercile(scores, index, market, prefix="coverage"),
                    **_coverage_by_tercile(scores, index, own, prefix="own"),
                }
            )
    return pd.DataFrame(rows)


def _coverage_by_tercile(scores: Scores, index: int, terciles: Terciles, *, prefix: str) -> dict[str, float]:
    inside = scores.inside[..., index]
    return {
        f"{prefix}_calm": finite_mean(inside[terciles.calm]),
        f"{prefix}_stressed": finite_mean(inside[terciles.stressed]),
    }


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


def finite_mean(values: Floats) -> float:
    """Return the mean of the finite values, NaN where there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def finite_ratio(values: Floats, others: Floats) -> float:
    """Return the ratio of the means where both are finite."""
    both = np.isfinite(values) & np.isfinite(others)
    bottom = finite_mean(others[both])
    return finite_mean(values[both]) / bottom if bottom else float("nan")
