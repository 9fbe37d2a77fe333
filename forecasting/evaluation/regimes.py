"""Calm and stressed thirds of the dates, by the width that the random walk had at issue."""

from typing import NamedTuple

import numpy as np

from forecasting.evaluation.panel import FLOOR, Panel
from forecasting.types import Floats


class Thirds(NamedTuple):
    """(D, N) true where the volatility was in the lowest third, and in the highest."""

    calm: np.ndarray
    stressed: np.ndarray


def market_thirds(panel: Panel) -> Thirds:
    """By the mean width over the tickers, date by date: a date is calm or stressed for all of them."""
    width = _width(panel)
    known = np.isfinite(width)
    level = np.where(known, width, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    level[~known.any(axis=1)] = np.nan
    return _thirds(np.broadcast_to(level[:, None], width.shape))


def own_thirds(panel: Panel) -> Thirds:
    """By each ticker's own width, over its own dates."""
    return _thirds(_width(panel))


def _width(panel: Panel) -> Floats:
    """(D, N) width of the random walk's band at the shortest horizon: its volatility at issue."""
    floor = panel.of(FLOOR)
    width: Floats = (floor.upper - floor.lower)[..., 0]
    return width


def _thirds(level: Floats) -> Thirds:
    """Thirds along the dates, column by column."""
    empty = ~np.isfinite(level).any(axis=0)
    filled = np.where(empty, 0.0, level)
    low, high = np.nanquantile(filled, [1 / 3, 2 / 3], axis=0)
    return Thirds(level <= low, level >= high)
