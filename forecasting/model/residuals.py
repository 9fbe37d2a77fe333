"""Residuals of past sessions: the rows from which the simulation draws its noise, and their expected mean.

The mean return of a share cannot be learnt from the years at hand (Merton 1980): after a crash it predicts
falling prices, after a boom soaring ones. So a past mean counts for nothing beside what a century of shares
has earned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.features.lookback import trailing_windows
from forecasting.features.market import align_market, predict_market
from forecasting.model.dataset import Split, TickerFeatures
from forecasting.model.random_streams import LARGEST_RESIDUAL
from forecasting.types import Floats

# Mean log return of a large share a session, in scales of the residuals (a deviation is about 1.2 of them):
# .02 deviations, which are 9.5 % over 30 % a year.
EXPECTED_MEAN = 0.0235
_LARGEST_RATIO = 100.0
_BURN_IN = 20  # sessions after which the recurrent state no longer depends on its start


@dataclass(frozen=True)
class PastSessions:
    """Sessions of one ticker with what its residuals are computed from: a third of its features' memory.

    Attributes:
        sessions: (T,) datetime64[D].
        volatility: (T,) current volatility, log-return units a session.
        target: (T,) next session's log return over the current volatility; NaN at the last session.
        range_next: (T,) next session's range variance; NaN at the last.
        log_scale: (T,) of the session after each by the linear part, in units of current volatility.
        inputs: (T, F) features that the network reads, as exact as it reads them.
    """

    sessions: np.ndarray
    volatility: Floats
    target: Floats
    range_next: Floats
    log_scale: Floats
    inputs: NDArray[np.float32]


OneSessionScale = Callable[[PastSessions], Floats]


def keep_past_sessions(
    tickers: Sequence[TickerFeatures], log_scales: Sequence[Floats], inputs: Sequence[int]
) -> list[PastSessions]:
    """Copy what is needed of every ticker, so that nothing else of it is held.

    Args:
        tickers: Their features.
        log_scales: (T, K) of each ticker by the linear part; the first column is of one session.
        inputs: Columns of the features that the network reads.
    """
    return [
        PastSessions(
            ticker.sessions,
            ticker.volatility.copy(),
            ticker.target.copy(),
            range_next=ticker.range_next.copy(),
            log_scale=scales[:, 0].copy(),
            inputs=ticker.features[:, inputs].astype(np.float32),
        )
        for ticker, scales in zip(tickers, log_scales, strict=True)
    ]


@dataclass(frozen=True)
class ResidualPool:
    """Rows of past sessions that the simulation draws from, and how likely each is.

    Attributes:
        rows: (P, 3) standardised residual, range ratio, market ratio of the same ticker and session.
        weights: (P,) sum to 1.
    """

    rows: Floats
    weights: Floats


def collect_residuals(
    scale: OneSessionScale,
    tickers: Sequence[PastSessions],
    split: Split,
    *,
    market: pd.Series,
    coefficients: Floats,
) -> ResidualPool:
    """Collect rows of every scored session, validation included, weighted by recency as in training.

    The residuals are moved so that a session has the mean that is to be expected of it, not that of the past.

    Args:
        scale: Returns the (T,) log scale of the session after each of a ticker's, without dropout.
        tickers: Their past sessions.
        split: Which rows count, and their weights.
        market: Market variance by session.
        coefficients: (4,) of the market's log-HAR model.
    """
    rows = np.concatenate(
        [_ticker_rows(scale(ticker), ticker, market, coefficients=coefficients) for ticker in tickers]
    )[split.rows]
    weights = split.weights[:, 0].copy()
    weights[split.validation] = weights.max()
    usable = np.flatnonzero(np.isfinite(rows).all(axis=1) & (weights > 0))
    usable = usable[np.argsort(rows[usable, 0], kind="stable")]  # they are drawn by strata of residuals
    kept, share = rows[usable], weights[usable] / weights[usable].sum()
    kept[:, 0] += EXPECTED_MEAN - float(share @ kept[:, 0])
    return ResidualPool(kept.astype(np.float32).astype(np.float64), share)


def _ticker_rows(
    log_scale: Floats, ticker: PastSessions, market: pd.Series, *, coefficients: Floats
) -> Floats:
    """(T, 3) residual, range and market ratio of the session after each; NaN where unknown."""
    scale = np.exp(log_scale)
    residual = (ticker.target / scale).clip(-LARGEST_RESIDUAL, LARGEST_RESIDUAL)
    range_ratio = ticker.range_next / (ticker.volatility * scale) ** 2
    ratios = [
        np.minimum(ratio, _LARGEST_RATIO)
        for ratio in (range_ratio, _market_ratio(ticker, market, coefficients))
    ]
    rows = np.stack([residual, *ratios], axis=1)
    rows[:_BURN_IN] = np.nan
    return rows


def _market_ratio(ticker: PastSessions, market: pd.Series, coefficients: Floats) -> Floats:
    """(T,) next session's market variance over what was expected of it."""
    aligned = align_market(market, ticker.sessions)
    expected = predict_market(coefficients, np.nan_to_num(trailing_windows(aligned), nan=1.0))
    return np.append(aligned[1:], np.nan) / expected
