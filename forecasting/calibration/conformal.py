"""Weighted conformal scores by tail, and the multiplier that attains nominal coverage.

Scores are distances of outcomes from the median in units of the predictive band's edge, with recency weights
(Barber et al. 2023), from three sources: a prior in which the predictive band holds, the pool of all tickers,
and the ticker's own past. Windows with an earnings report have a separate multiplier beside it.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecasting.config import CalibrationConfig
from forecasting.types import Floats

GRID: Floats = np.geomspace(0.2, 5, 321)  # multipliers of the band's edge (G)
_NEIGHBOURS = 0.25  # bandwidth over log horizon: the scores of 21 sessions are distributed nearly as of 20


class TailMultipliers(NamedTuple):
    """Log multipliers of one tail: (N, H) of each ticker, (H,) of a ticker without a past."""

    ticker: Floats
    pool: Floats


def prior_exceedance(tail: float) -> Floats:
    """Return (G,) probabilities of a score above each multiplier where the band holds, with normal tails."""
    edge = NormalDist().inv_cdf(1 - tail)
    return np.array([1 - NormalDist().cdf(edge * multiplier) for multiplier in GRID])


def fit_multipliers(
    scores: Floats, ages: Floats, gaps: Floats, *, tail: float, config: CalibrationConfig
) -> TailMultipliers:
    """Fit the log multipliers that leave `tail` of the probability outside.

    Args:
        scores: (D, N, H) of one tail, NaN where not closed.
        ages: (D,) years since issue, of the newest 0.
        gaps: (D,) sessions since the date of issue before.
        tail: Nominal probability beyond the edge.
        config: Half-life and the weight of prior and pool.
    """
    recency = 0.5 ** (ages / config.half_life_years)
    above, total = _weigh_exceedances(scores, np.broadcast_to(recency[:, None], scores.shape[::2]))
    independent = weigh_outcomes(ages, gaps, scores.shape[2], config=config)
    closed = np.isfinite(scores)
    dates = (closed.any(axis=1) * independent).sum(axis=0)  # (H,)
    pooled = above.sum(axis=0) / np.maximum(total.sum(axis=0), 1e-12)[:, None]  # (H, G)
    pool = _mix(pooled, prior_exceedance(tail), _share(dates, config.prior_blocks))
    by_ticker = above / np.maximum(total, 1e-12)[..., None]
    blocks = (closed * independent[:, None]).sum(axis=0)  # (N, H)
    mixed = _mix(by_ticker, pool, _share(blocks, config.pool_blocks))
    known = dates > 0
    return TailMultipliers(_smooth(_solve(mixed, tail), known), _smooth(_solve(pool, tail), known))


def fit_report_multipliers(
    scores: Floats, with_report: NDArray[np.bool_], weights: Floats, *, tail: float, config: CalibrationConfig
) -> Floats:
    """Return the (H,) log multipliers that windows with a report need beyond those of the windows without.

    Both are pooled over tickers; few outcomes with a report are shrunk to no multiplier.

    Args:
        scores: (D, N, H) of one tail, NaN where not closed.
        with_report: (D, N, H) whether a report was expected in the window when its band was issued.
        weights: (D, H) of an outcome: its recency, and its share of those that do not overlap.
        tail: Nominal probability beyond the edge.
        config: The weight of the belief in none.
    """
    plain = _pool_exceedances(np.where(with_report, np.nan, scores), weights)
    usual = np.where(plain.outcomes > 0, _solve(plain.above, tail), 0.0)
    held = _pool_exceedances(np.where(with_report, scores / np.exp(usual), np.nan), weights)
    mixed = _mix(held.above, prior_exceedance(tail), _share(held.outcomes, config.report_blocks))
    return _smooth(_solve(mixed, tail), held.outcomes > 0)


class _Exceedances(NamedTuple):
    """(H, G) share of the scores above each multiplier, and (H,) weight of the outcomes behind it."""

    above: Floats
    outcomes: Floats


def _pool_exceedances(scores: Floats, weights: Floats) -> _Exceedances:
    above, total = _weigh_exceedances(scores, weights)
    outcomes = total.sum(axis=0)
    return _Exceedances(above.sum(axis=0) / np.maximum(outcomes, 1e-12)[:, None], outcomes)


def _smooth(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """(..., H) averaged over neighbouring horizons that have outcomes."""
    horizon = np.log(np.arange(1, values.shape[-1] + 1))
    kernel = np.exp(-0.5 * ((horizon[:, None] - horizon) / _NEIGHBOURS) ** 2) * known[:, None]
    averaged: Floats = values @ (kernel / np.maximum(kernel.sum(axis=0), 1e-12))
    return averaged


def weigh_outcomes(ages: Floats, gaps: Floats, horizons: int, *, config: CalibrationConfig) -> Floats:
    """Return the (D, H) weight of an outcome: its recency, times its share of those that do not overlap."""
    recency = 0.5 ** (ages[:, None] / config.half_life_years)
    return recency * np.minimum(gaps[:, None] / np.arange(1, horizons + 1), 1)


def _weigh_exceedances(scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """(N, H, G) weight of the scores above each multiplier, and (N, H) of them all; `weights` are (D, H)."""
    _, tickers, horizons = scores.shape
    known = np.isfinite(scores)
    below = np.searchsorted(GRID, np.where(known, scores, 0.0))  # multipliers below the score
    cell = np.arange(tickers * horizons).reshape(tickers, horizons) * (len(GRID) + 1) + below
    counts = np.bincount(
        cell.ravel(), (weights[:, None, :] * known).ravel(), tickers * horizons * (len(GRID) + 1)
    )
    by_multiplier = counts.reshape(tickers, horizons, -1)
    above = by_multiplier[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]
    return above, by_multiplier.sum(axis=-1)


def _share(seen: Floats, prior: float) -> Floats:
    """Return the weight of `seen` outcomes beside a prior worth `prior` of them; 0 without outcomes."""
    return seen / np.maximum(seen + prior, 1e-12)


def _mix(curve: Floats, other: Floats, share: Floats) -> Floats:
    return share[..., None] * curve + (1 - share[..., None]) * other


def _solve(above: Floats, tail: float) -> Floats:
    """(...) log multiplier at which a falling curve (..., G) passes `tail`, linear between grid points."""
    right = np.clip((above > tail).sum(axis=-1), 1, len(GRID) - 1)
    high, low = (np.take_along_axis(above, right[..., None] - step, axis=-1)[..., 0] for step in (1, 0))
    share = np.clip((high - tail) / np.maximum(high - low, 1e-12), 0, 1)
    grid = np.log(GRID)
    solved: Floats = grid[right - 1] + share * (grid[right] - grid[right - 1])
    return solved
