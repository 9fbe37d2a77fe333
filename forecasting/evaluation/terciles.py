"""Calm and stressed terciles of the dates, by the width that the random walk had at issue."""

from typing import NamedTuple

import numpy as np

from forecasting.evaluation.panel import REFERENCE, Panel
from forecasting.types import Floats


class Terciles(NamedTuple):
    """(D, N) true where the volatility was in the lowest tercile, and in the highest."""

    calm: np.ndarray
    stressed: np.ndarray


def split_by_market(panel: Panel) -> Terciles:
    """Split by the mean width over the tickers: a date is calm or stressed for all of them."""
    width = _reference_width(panel)
    known = np.isfinite(width)
    level = np.where(known, width, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    level[~known.any(axis=1)] = np.nan
    return _terciles(np.broadcast_to(level[:, None], width.shape))


def split_by_ticker(panel: Panel) -> Terciles:
    """Split by each ticker's own width, over its own dates."""
    return _terciles(_reference_width(panel))


def _reference_width(panel: Panel) -> Floats:
    """(D, N) width of the random walk's band at the shortest horizon: its volatility at issue."""
    reference = panel.score(REFERENCE)
    width: Floats = (reference.upper - reference.lower)[..., 0]
    return width


def _terciles(level: Floats) -> Terciles:
    """Terciles along the dates, column by column."""
    empty = ~np.isfinite(level).any(axis=0)
    filled = np.where(empty, 0.0, level)
    low, high = np.nanquantile(filled, [1 / 3, 2 / 3], axis=0)
    return Terciles(level <= low, level >= high)
