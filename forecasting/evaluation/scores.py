"""The table of scores: a row for each method and horizon, and for each ticker."""

import numpy as np
import pandas as pd

from forecasting.evaluation.panel import FLOOR, Panel, Scores
from forecasting.evaluation.regimes import Thirds, market_thirds, own_thirds
from forecasting.types import Floats


def score_table(panel: Panel) -> pd.DataFrame:
    """Scores by method and horizon.

    A score relative to the random walk rests on the forecasts that both have; coverage on all that a method
    has. `calm` and `stressed` are thirds of the dates, `own_` thirds of each ticker's own dates.
    """
    market, own, floor = market_thirds(panel), own_thirds(panel), panel.of(FLOOR)
    rows = []
    for method in panel.methods:
        scores = panel.of(method)
        for place, horizon in enumerate(panel.horizons):
            below, above = (part[..., place] for part in scores.misses)
            low, high = (part[..., place] for part in scores.pinball)
            rows.append(
                {
                    "method": method,
                    "horizon": horizon,
                    "forecasts": int(np.isfinite(scores.known[..., place]).sum()),
                    "crps": mean(scores.crps[..., place]),
                    "crps_relative": ratio(scores.crps[..., place], floor.crps[..., place]),
                    "winkler": mean(scores.winkler[..., place]),
                    "winkler_relative": ratio(scores.winkler[..., place], floor.winkler[..., place]),
                    "pinball_lower": mean(low),
                    "pinball_upper": mean(high),
                    "coverage": mean(scores.inside[..., place]),
                    "below": mean(below),
                    "above": mean(above),
                    **_by_regime(scores, place, market, own),
                }
            )
    return pd.DataFrame(rows)


def _by_regime(scores: Scores, place: int, market: Thirds, own: Thirds) -> dict[str, float]:
    inside = scores.inside[..., place]
    return {
        "coverage_calm": mean(inside[market.calm]),
        "coverage_stressed": mean(inside[market.stressed]),
        "own_calm": mean(inside[own.calm]),
        "own_stressed": mean(inside[own.stressed]),
    }


def ticker_table(panel: Panel, method: str) -> pd.DataFrame:
    """Coverage of one method by ticker and horizon, and its CRPS relative to the random walk's."""
    scores, floor = panel.of(method), panel.of(FLOOR)
    rows = []
    for place, ticker in enumerate(panel.tickers):
        one = scores.inside[:, place]
        rows.append(
            {
                "ticker": ticker,
                "forecasts": int(np.isfinite(one[:, 0]).sum()),
                **{f"h{h}": mean(one[:, column]) for column, h in enumerate(panel.horizons)},
                "crps_relative": mean_ratio(scores.crps[:, place], floor.crps[:, place]),
            }
        )
    return pd.DataFrame(rows)


def mean(values: Floats) -> float:
    """Mean of what is known, NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def ratio(values: Floats, others: Floats) -> float:
    """Ratio of the means where both are known."""
    both = np.isfinite(values) & np.isfinite(others)
    bottom = mean(others[both])
    return mean(values[both]) / bottom if bottom else float("nan")


def mean_ratio(values: Floats, others: Floats) -> float:
    """Mean over the horizons of (..., H) of the ratio at each."""
    ratios = [ratio(values[..., place], others[..., place]) for place in range(values.shape[-1])]
    return mean(np.array(ratios))
