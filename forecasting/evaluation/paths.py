"""Extremes of the closes on the way to a target, of simulated paths and of what happened alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np
import pandas as pd

from forecasting.evaluation.outcomes import find_factors
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.prices.history import PriceHistory
from forecasting.tables import OPEN_PATHS, PATH_OUTCOMES
from forecasting.types import Floats


@dataclass(frozen=True)
class Extremes:
    """Extremes of paths (..., H) up to each session, relative to the anchor close.

    Attributes:
        highest: (..., H) highest cumulative log return of a close.
        lowest: (..., H) lowest one.
        drawdown: (..., H) largest fall from an earlier close, the anchor included, as a share of that.
    """

    highest: Floats
    lowest: Floats
    drawdown: Floats


def measure_extremes(paths: Floats) -> Extremes:
    """Measure the extremes of (..., H) cumulative log returns."""
    highest, lowest = np.maximum.accumulate(paths, axis=-1), np.minimum.accumulate(paths, axis=-1)
    peak = np.maximum(highest, 0.0)  # the anchor is a peak, too
    fall = np.maximum.accumulate(1 - np.exp(paths - peak), axis=-1)
    return Extremes(highest, lowest, fall)


def measure_path_outcomes(
    waiting: pd.DataFrame, history: PriceHistory, units: Mapping[date, float] = MappingProxyType({})
) -> pd.DataFrame:
    """Measure what became of one ticker's paths; those whose target has no close are left out.

    On the price basis of the run, from the anchor close as issued. A session on the way without a close of
    the ticker has no part in it.

    Args:
        waiting: OPEN_PATHS, one row a forecast and horizon.
        history: Prices up to the last session that counts as closed.
        units: Session of a forecast -> factor by which the prices were multiplied since it was issued; NaN
            leaves its targets out.

    Returns:
        PATH_OUTCOMES.
    """
    OPEN_PATHS.check(waiting)
    held = waiting.assign(anchor_close=waiting["anchor_close"] * find_factors(waiting, units))
    parts = [
        _measure_basis(rows, compute_daily_returns(history, basis))
        for basis, rows in held.groupby("price_basis", sort=True)
    ]
    return pd.concat(parts, ignore_index=True) if parts else PATH_OUTCOMES.empty()


def _measure_basis(waiting: pd.DataFrame, returns: DailyReturns) -> pd.DataFrame:
    measured = [
        _measure_path(returns, row.as_of, row.target_session, anchor_close=row.anchor_close)
        for row in waiting.itertuples()
    ]
    extremes = pd.DataFrame(measured, columns=["highest", "lowest", "drawdown"], index=waiting.index)
    outcomes = waiting.assign(ticker=returns.ticker).join(extremes.astype("float64"))
    return outcomes.loc[outcomes["drawdown"].notna(), PATH_OUTCOMES.names]


def _measure_path(
    returns: DailyReturns, as_of: object, target: object, *, anchor_close: float
) -> tuple[float, float, float]:
    """Return the highest and lowest close as moves from the anchor, and the drawdown; NaN if open."""
    first, last = (pd.Timestamp(day).to_datetime64().astype("datetime64[D]") for day in (as_of, target))
    sessions = returns.session[(returns.session > first) & (returns.session <= last)]
    if not len(sessions) or sessions[-1] != last:
        return (np.nan, np.nan, np.nan)
    extremes = measure_extremes(returns.realised(pd.Timestamp(first).date(), sessions, anchor_close))
    return (
        float(np.expm1(extremes.highest[-1])),
        float(np.expm1(extremes.lowest[-1])),
        float(extremes.drawdown[-1]),
    )
