"""The noise pool: what past sessions did beyond what the model expected of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from forecasting.forecast import Floats
from forecasting.market import align, predict_market
from forecasting.model import NoisePool
from forecasting.network import StackedLSTM
from forecasting.premium import expected_mean
from forecasting.series import TickerSeries
from forecasting.trailing import windows_of
from forecasting.windows import Split

_LARGEST_RATIO = 100.0
LARGEST_RESIDUAL = 20.0  # one halted ticker that jumps must not put a crash into every ticker's pool
_SETTLED = 20  # sessions after which the recurrent state knows where it is


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
