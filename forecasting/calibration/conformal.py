"""The residual law: how far outcomes fell from the median, in units of the predictive band's edge.

Normalised conformal scores with recency weights (Barber et al. 2023), each tail by itself, of three
sources: a prior in which the predictive band holds, the pool of all tickers, and the ticker's own past.
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from forecasting.config import CalibrationConfig
from forecasting.types import Floats

GRID: Floats = np.geomspace(0.2, 5, 321)  # multipliers of the band's edge (G)
_NEIGHBOURS = 0.25  # bandwidth over log horizon: the law of 21 sessions is nearly that of 20


def prior_law(tail: float) -> Floats:
    """(G,) probability of a score above each multiplier where the band holds and its tail is normal."""
    edge = NormalDist().inv_cdf(1 - tail)
    return np.array([1 - NormalDist().cdf(edge * multiplier) for multiplier in GRID])


def law_of(
    scores: Floats, ages: Floats, gaps: Floats, tail: float, config: CalibrationConfig
) -> tuple[Floats, Floats]:
    """Log multipliers that leave `tail` of the probability outside: (N, H) of each ticker, (H,) of a new one.

    Args:
        scores: (D, N, H) of one tail, NaN where not closed.
        ages: (D,) years since issue, of the newest 0.
        gaps: (D,) sessions since the date of issue before.
        tail: Nominal probability beyond the edge.
        config: Half-life and the weight of prior and pool.
    """
    weights = 0.5 ** (ages / config.half_life_years)
    above, total = _weights_above(scores, weights)  # (N, H, G), (N, H)
    horizons = np.arange(1, scores.shape[2] + 1)
    independent = weights[:, None] * np.minimum(
        gaps[:, None] / horizons, 1
    )  # (D, H): what overlaps counts once
    closed = np.isfinite(scores)
    dates = (closed.any(axis=1) * independent).sum(axis=0)  # (H,)
    pooled = above.sum(axis=0) / np.maximum(total.sum(axis=0), 1e-12)[:, None]  # (H, G)
    pool = _mixed(pooled, prior_law(tail), _share(dates, config.prior_blocks))
    own = above / np.maximum(total, 1e-12)[..., None]
    blocks = (closed * independent[:, None]).sum(axis=0)  # (N, H)
    mixed = _mixed(own, pool, _share(blocks, config.pool_blocks))
    known = dates > 0
    return _smooth(_solve(mixed, tail), known), _smooth(_solve(pool, tail), known)


def _smooth(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """(..., H) averaged over neighbouring horizons that have outcomes."""
    place = np.log(np.arange(1, values.shape[-1] + 1))
    kernel = np.exp(-0.5 * ((place[:, None] - place) / _NEIGHBOURS) ** 2) * known[:, None]
    averaged: Floats = values @ (kernel / np.maximum(kernel.sum(axis=0), 1e-12))
    return averaged


def _weights_above(scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """(N, H, G) weight of the scores above each multiplier, and (N, H) of them all."""
    _, tickers, horizons = scores.shape
    known = np.isfinite(scores)
    place = np.searchsorted(GRID, np.where(known, scores, 0.0))  # multipliers below the score
    cell = np.arange(tickers * horizons).reshape(tickers, horizons) * (len(GRID) + 1) + place
    counts = np.bincount(
        cell.ravel(), (weights[:, None, None] * known).ravel(), tickers * horizons * (len(GRID) + 1)
    )
    by_place = counts.reshape(tickers, horizons, -1)
    above = by_place[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]
    return above, by_place.sum(axis=-1)


def _share(seen: Floats, prior: float) -> Floats:
    """Weight of what was seen beside a prior worth `prior` of it; none where nothing was seen."""
    share: Floats = seen / np.maximum(seen + prior, 1e-12)
    return share


def _mixed(own: Floats, other: Floats, share: Floats) -> Floats:
    mixture: Floats = share[..., None] * own + (1 - share[..., None]) * other
    return mixture


def _solve(above: Floats, tail: float) -> Floats:
    """(...) log multiplier at which a falling curve (..., G) passes `tail`, linear between grid points."""
    place = np.clip((above > tail).sum(axis=-1), 1, len(GRID) - 1)
    high, low = (np.take_along_axis(above, place[..., None] - step, axis=-1)[..., 0] for step in (1, 0))
    share = np.clip((high - tail) / np.maximum(high - low, 1e-12), 0, 1)
    grid = np.log(GRID)
    solved: Floats = grid[place - 1] + share * (grid[place] - grid[place - 1])
    return solved
