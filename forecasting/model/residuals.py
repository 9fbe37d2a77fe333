"""How much of a past mean return to expect again.

The mean return of a share cannot be learnt from the years at hand (Merton 1980): after a crash it says that
prices fall, after a boom that they soar. So a mean counts as so many years against what a century of shares
has earned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from forecasting.features.lookback import windows_of
from forecasting.features.market import align, predict_market
from forecasting.model.dataset import Split, TickerSeries
from forecasting.model.network import StackedLSTM
from forecasting.types import Floats

# Mean log return of a large share a session, in scales of the residuals (a deviation is about 1.2 of them):
# about 6 % over 30 % a year. Chosen on 2009-2011 between .005 and .015.
LONG_RUN = 0.015
# A mean over so many years has the same word: that of 40 shares errs by .6 deviations / sqrt(years), after
# sixteen years by as much as eras differ (.15).
YEARS = 16


def expected_mean(mean: float, sessions: int) -> float:
    """The mean to expect of a session, in the units of `mean`.

    Args:
        mean: Mean standardised log return a session, pooled over tickers, in units of the fitted scale.
        sessions: Sessions of a share's calendar that it was measured over.
    """
    own = sessions / (sessions + 252 * YEARS)
    return own * mean + (1 - own) * LONG_RUN


_LARGEST_RATIO = 100.0
LARGEST_RESIDUAL = 20.0  # one halted ticker that jumps must not put a crash into every ticker's pool
_SETTLED = 20  # sessions after which the recurrent state knows where it is


@dataclass(frozen=True)
class NoisePool:
    """Rows of past sessions that the simulation draws from, and how likely each is.

    Attributes:
        rows: (P, 3) standardised residual, range ratio, market ratio of the same ticker and session.
        weights: (P,) sum to 1.
    """

    rows: Floats
    weights: Floats


def noise_pool(
    network: StackedLSTM,
    series: Sequence[TickerSeries],
    split: Split,
    market: pd.Series,
    coefficients: Floats,
) -> NoisePool:
    """Rows of every scored session, validation included, weighted by recency as in training.

    The residuals are moved so that a session has the mean that is to be expected of it, not that of the past.

    Args:
        network: The fitted network; it reads without dropout.
        series: The training series.
        split: Which rows count, and their weights.
        market: Market variance by session.
        coefficients: (4,) of the market's log-HAR model.
    """
    known = np.concatenate([_ticker_rows(network, one, market, coefficients) for one in series])
    weights = split.weights.copy()
    weights[split.validation] = weights.max()
    usable = np.flatnonzero(np.isfinite(known).all(axis=1) & (weights > 0))
    usable = usable[np.argsort(known[usable, 0], kind="stable")]  # they are drawn by strata of residuals
    rows, share = known[usable, :3], weights[usable] / weights[usable].sum()
    mean = float(share @ (known[usable, 0] + known[usable, 3]))
    rows[:, 0] += expected_mean(mean, _sessions(split, series)) - mean
    return NoisePool(rows.astype(np.float32).astype(np.float64), share)


def _sessions(split: Split, series: Sequence[TickerSeries]) -> int:
    """How many sessions the counted rows come from."""
    sessions = np.concatenate([one.sessions for one in series])
    return len(np.unique(sessions[np.append(split.training, split.validation)]))


def _ticker_rows(
    network: StackedLSTM, series: TickerSeries, market: pd.Series, coefficients: Floats
) -> Floats:
    """(T, 4) residual, range and market ratio of the session after each, its location; NaN where unknown."""
    with torch.inference_mode():
        out = network(torch.as_tensor(series.features[None], dtype=torch.float32))
    location, scale = (value[0].numpy().astype(np.float64) for value in (out.location, out.log_scale.exp()))
    residual = (series.target - location) / scale
    range_ratio = series.range_next / (series.volatility * scale) ** 2
    market_ratio = _market_ratio(series, market, coefficients)
    rows = np.stack([residual, range_ratio, market_ratio, location / scale], axis=1)
    rows[:, 0] = rows[:, 0].clip(-LARGEST_RESIDUAL, LARGEST_RESIDUAL)
    rows[:, 1:3] = np.minimum(rows[:, 1:3], _LARGEST_RATIO)
    rows[:_SETTLED] = np.nan
    return rows


def _market_ratio(series: TickerSeries, market: pd.Series, coefficients: Floats) -> Floats:
    """(T,) next session's market variance over what was expected of it."""
    known = align(market, pd.DatetimeIndex(series.sessions))
    expected = predict_market(coefficients, np.nan_to_num(windows_of(known), nan=1.0))
    return np.append(known[1:], np.nan) / expected
