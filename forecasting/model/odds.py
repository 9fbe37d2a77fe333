"""Odds of touching a level on the way and of drawdowns, which the quantiles of a horizon do not contain.

Simulated paths have the way, the calibrated bands the distribution at each horizon. Ensemble copula coupling
(Schefzik, Thorarinsdottir & Gneiting 2013) joins them: each path keeps its rank at each horizon and takes the
calibrated quantile of that rank, so that paths and bands agree.
"""

from collections.abc import Sequence

import numpy as np

from forecasting.config import CALIBRATED_LEVELS, TOUCH_MOVES
from forecasting.evaluation.paths import measure_extremes
from forecasting.forecast import PathOdds
from forecasting.model.log_har import RESIDUAL_LEVELS
from forecasting.types import Floats

WITHIN = (5, 10, 20, 30)  # sessions


def calibrate_finely(
    fine: Floats,
    predictive: Floats,
    calibrated: Floats,
    *,
    levels: Sequence[float],
    wanted: Sequence[float] = RESIDUAL_LEVELS,
) -> Floats:
    """Return (H, W) quantiles at the wanted levels, equal to the band at its levels but for rounding.

    The factor by which calibration moves a quantile away from the median lies on a line between the levels
    and is that of the edge beyond them.

    Args:
        fine: (H, W) predictive quantiles at the wanted levels.
        predictive: (H, Q) the same at the levels of the bands.
        calibrated: (H, Q) of the band that consumers read.
        levels: The Q levels, 0.5 among them.
        wanted: The W levels, increasing.
    """
    middle = list(levels).index(0.5)
    median = predictive[:, middle : middle + 1]
    distance = predictive - median
    factors = np.ones_like(distance)  # of the median, and of a quantile that is equal to it
    np.divide(calibrated - median, distance, out=factors, where=distance != 0)
    factors[:, middle] = 1.0
    spread = [np.interp(wanted, levels, row) for row in factors]
    moved = median + np.stack(spread) * (fine - median)
    return np.maximum.accumulate(moved, axis=1)


def refine_calibrated(
    fine: Floats, predictive: Floats, calibrated: Floats, *, levels: Sequence[float]
) -> Floats:
    """Return (H, 23) quantiles at CALIBRATED_LEVELS, equal to the band's at its levels to the last bit.

    Args:
        fine: (H, 23) predictive quantiles at CALIBRATED_LEVELS.
        predictive: (H, Q) the same at the levels of the bands.
        calibrated: (H, Q) of the band that consumers read, in order.
        levels: The Q levels, 0.5 among them.
    """
    moved = calibrate_finely(fine, predictive, calibrated, levels=levels, wanted=CALIBRATED_LEVELS)
    infinite = np.full((len(moved), 1), np.inf)
    below = np.hstack([-infinite, calibrated])[:, np.searchsorted(levels, CALIBRATED_LEVELS, side="right")]
    above = np.hstack([calibrated, infinite])[:, np.searchsorted(levels, CALIBRATED_LEVELS, side="left")]
    refined: Floats = np.clip(moved, below, above)  # both bounds of a level of the band are its quantile
    return refined


def couple_paths(paths: Floats, quantiles: Floats) -> Floats:
    """Return (S, H) paths with the given quantiles at each horizon; each path keeps its rank.

    Beyond the outermost level the paths' own tail goes on, in units of its distance from the median there.

    Args:
        paths: (S, H) cumulative log returns.
        quantiles: (H, 99) at RESIDUAL_LEVELS.
    """
    ranks = np.argsort(np.argsort(paths, axis=0, kind="stable"), axis=0, kind="stable")
    own_level = (ranks + 0.5) / len(paths)
    coupled = np.empty_like(paths)
    for step, row in enumerate(quantiles):
        coupled[:, step] = np.interp(own_level[:, step], RESIDUAL_LEVELS, row)
        _continue_tails(coupled[:, step], paths[:, step], own_level[:, step], quantiles=row)
    return coupled


def _continue_tails(coupled: Floats, path: Floats, level: Floats, *, quantiles: Floats) -> None:
    """Replace what lies beyond the outermost levels (S,), in place."""
    lowest, median, highest = np.quantile(path, (RESIDUAL_LEVELS[0], 0.5, RESIDUAL_LEVELS[-1]))
    middle = quantiles[RESIDUAL_LEVELS.index(0.5)]
    for beyond, edge, quantile in (
        (level < RESIDUAL_LEVELS[0], quantiles[0], lowest),
        (level > RESIDUAL_LEVELS[-1], quantiles[-1], highest),
    ):
        distance = quantile - median
        farther = (path[beyond] - median) / distance if distance else np.ones(int(beyond.sum()))
        coupled[beyond] = middle + (edge - middle) * np.maximum(farther, 1.0)


def measure_odds(paths: Floats, levels: Sequence[float]) -> PathOdds:
    """Measure touches and drawdowns of the closes of paths.

    Args:
        paths: (S, H) cumulative log returns.
        levels: Quantile levels of the drawdown, Q of them.
    """
    within = tuple(sessions for sessions in WITHIN if sessions <= paths.shape[1])
    ends = np.array(within, np.int64) - 1
    extremes, moves = measure_extremes(paths), np.log1p(TOUCH_MOVES)
    rises, falls = extremes.highest[:, ends, None] >= moves, extremes.lowest[:, ends, None] <= moves
    return PathOdds(
        within=within,
        moves=TOUCH_MOVES,
        touch=np.where(moves > 0, rises, falls).mean(axis=0),  # (S, B, V) to (B, V)
        levels=tuple(levels),
        drawdown=np.quantile(extremes.drawdown[:, ends], levels, axis=0).T,
    )
