"""Trailing windows: the only thing that a feature may look at.

A feature reduces the window that ends at a session. It cannot see the future because the future is not in its
argument, and history (one window a session) and simulation (one window a path) run through the same code.
"""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from forecasting.types import Floats

WINDOW = 500  # sessions (W); the long run needs them all, last year's quarter half, other features WARM_UP
WARM_UP = 63  # returns that must exist before the first row of features
REPORTING = 0.2  # a session with so many expected reports, or more, counts as one of a report
DECAY = 0.94  # of the current volatility, RiskMetrics (1996)
VOLATILITY_FLOOR = 1e-5  # a flat series has no volatility, and everything is divided by it
Part = int | slice | tuple[slice, slice]


@dataclass(frozen=True)
class ReportWindow:
    """Earnings reports as known at the session of interest.

    Attributes:
        weights: (..., W) expected number of reports that each session reacted to; NaN before the first. One
            row may stand for many paths, here and below.
        ahead: (..., H) the same of the next sessions.
        size: (...) expected squared return of a report over the ordinary variance; NaN where no
            date is known.
    """

    weights: Floats
    ahead: Floats
    size: Floats

    def __getitem__(self, part: Part) -> "ReportWindow":
        """Return a part; windows that begin k sessions later have k sessions fewer ahead."""
        if not isinstance(part, tuple):
            return ReportWindow(self.weights[part], self.ahead[part], self.size[part])
        rows, sessions = part
        return ReportWindow(self.weights[part], self.ahead[rows, sessions.start :], self.size[rows])


@dataclass(frozen=True)
class Lookback:
    """Windows of W sessions that end at the session of interest.

    Attributes:
        returns: (..., W) log returns; NaN before the first one.
        ranges: (..., W) range-based variances, in squared log-return units.
        market: (..., W) market-wide variance relative to its long run (1 is normal).
        surprises: (..., W) scores of a company's own news; NaN where unknown.
        reports: Earnings reports; None where no dates are given.
    """

    returns: Floats
    ranges: Floats
    market: Floats
    surprises: Floats
    reports: ReportWindow | None = field(default=None, kw_only=True)

    @classmethod
    def of_returns(cls, returns: Floats) -> "Lookback":
        """Build windows from (..., W) returns alone: enough for the two volatilities."""
        unknown = np.full_like(returns[..., :1], np.nan)
        return cls(returns, unknown, unknown, unknown)

    def __getitem__(self, part: Part) -> "Lookback":
        """Return the same part of every channel."""
        channels = (self.returns, self.ranges, self.market, self.surprises)
        reports = None if self.reports is None else self.reports[part]
        return Lookback(*(channel[part] for channel in channels), reports=reports)

    @cached_property
    def long_run_volatility(self) -> Floats:
        """(...) root mean square return over the whole window, or over what of it exists."""
        return _root_mean_square(self.returns, np.ones(self.returns.shape[-1], bool))

    @cached_property
    def mean_surprise(self) -> Floats:
        """(...) mean of the known surprises, 0 where none is known."""
        return mean_of_finite(self.surprises)

    @property
    def recent_squares(self) -> Floats:
        """(..., WARM_UP) squares of the last returns."""
        return self.returns[..., -WARM_UP:] ** 2

    @cached_property
    def volatility(self) -> Floats:
        """(...) current volatility a session: EWMA(0.94), never under a tenth of the long-run one.

        The floor keeps a halted series finite on the day it resumes.
        """
        current = np.sqrt(ewma(self.recent_squares, DECAY))
        return np.maximum(current, 0.1 * self.long_run_volatility)

    @cached_property
    def ordinary_volatility(self) -> Floats:
        """(...) current volatility without the sessions that reacted to a report, with the same floor."""
        current = np.sqrt(ordinary_ewma(self.recent_squares, self.report_weights, DECAY))
        return np.maximum(current, 0.1 * self.long_run_volatility)

    @cached_property
    def report_weights(self) -> Floats:
        """(..., W) expected number of reports that each session reacted to; one row of 0 without dates."""
        if self.reports is None:
            return np.zeros(self.returns.shape[-1])
        return self.reports.weights

    @cached_property
    def ordinary_long_run(self) -> Floats:
        """(...) long-run volatility without the sessions that reacted to a report."""
        return _root_mean_square(self.returns, ~(self.report_weights >= REPORTING))


def _root_mean_square(returns: Floats, counted: NDArray[np.bool_]) -> Floats:
    """(..., W) -> (...) root mean square of what is finite and counted, VOLATILITY_FLOOR at least.

    Args:
        returns: The windows.
        counted: (..., W) or (W,), for all windows.
    """
    finite = np.isfinite(returns)
    counted = counted if finite.all() else counted & finite
    kept = returns if counted.all() else np.where(counted, returns, 0.0)
    variance = np.vecdot(kept, kept) / np.maximum(np.count_nonzero(counted, axis=-1), 1)
    volatility: Floats = np.maximum(np.sqrt(variance), VOLATILITY_FLOOR)
    return volatility


def mean_of_finite(values: Floats) -> Floats:
    """Return the mean of the finite values, 0 where there is none: (..., W) -> (...)."""
    finite = np.isfinite(values)
    mean: Floats = np.where(finite, values, 0.0).sum(axis=-1) / np.maximum(finite.sum(axis=-1), 1)
    return mean


def ewma(values: Floats, decay: float, span: int = WARM_UP) -> Floats:
    """Return the exponentially weighted mean of the last `span` values: (..., W) -> (...).

    Row by row: in a matrix product the last bits of a row would depend on how many rows stand beside it.
    """
    mean: Floats = np.vecdot(values[..., -span:], _decaying_weights(decay, span))
    return mean


def ordinary_ewma(values: Floats, report_weights: Floats, decay: float) -> Floats:
    """Return `ewma` over the sessions that reacted to no report: (..., W) and (..., W) or (W,) -> (...).

    A window of nothing but reports has the plain mean.
    """
    weights = _decaying_weights(decay, WARM_UP)
    ordinary = ~(report_weights[..., -WARM_UP:] >= REPORTING)
    kept = np.where(ordinary.any(axis=-1, keepdims=True), ordinary, True) * weights
    mean: Floats = np.vecdot(values[..., -WARM_UP:], kept) / kept.sum(axis=-1)
    return mean


@lru_cache
def _decaying_weights(decay: float, span: int) -> Floats:
    weights = decay ** np.arange(span - 1, -1, -1.0)
    scaled: Floats = weights / weights.sum()
    return scaled


def trailing_windows(values: Floats, width: int = WINDOW) -> Floats:
    """Return for each session the window that ends there, NaN before the start: (T,) -> (T, W)."""
    padded = np.concatenate([np.full(width - 1, np.nan), values])
    return sliding_window_view(padded, width)
