"""Every score of a set of quantile forecasts against their outcomes, computed once and only if needed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecasting.evaluation.metrics import crps, inside, pinball, pit, tail_misses, winkler
from forecasting.types import Floats


@dataclass(frozen=True)
class Scores:
    """Scores of one band or method, each (...) and NaN where forecast or outcome is missing.

    Attributes:
        levels: The Q levels, increasing.
        quantiles: (..., Q) cumulative log returns, NaN where there is no forecast.
        outcome: (...) realised cumulative log returns, NaN where unknown.
    """

    levels: tuple[float, ...]
    quantiles: Floats
    outcome: Floats

    @property
    def nominal_coverage(self) -> float:
        """Nominal probability between the outermost levels."""
        return round(self.levels[-1] - self.levels[0], 10)

    @property
    def lower(self) -> Floats:
        """The lowest quantile."""
        return self.quantiles[..., 0]

    @property
    def median(self) -> Floats:
        """The quantile at level 0.5."""
        return self.quantiles[..., int(np.searchsorted(self.levels, 0.5 - 1e-9))]

    @property
    def upper(self) -> Floats:
        """The highest quantile."""
        return self.quantiles[..., -1]

    @cached_property
    def known(self) -> Floats:
        """The outcome, where there is a forecast."""
        return np.where(np.isfinite(self.quantiles).all(axis=-1), self.outcome, np.nan)

    @cached_property
    def crps(self) -> Floats:
        """Continuous ranked probability score."""
        return crps(self.levels, self.quantiles, self.known)

    @cached_property
    def winkler(self) -> Floats:
        """Interval score of the outermost levels."""
        return winkler(self.lower, self.upper, self.known, coverage=self.nominal_coverage)

    @cached_property
    def inside(self) -> Floats:
        """1 where the outcome lies between the outermost levels."""
        return inside(self.lower, self.upper, self.known)

    @cached_property
    def misses(self) -> Floats:
        """(2, ...) 1 where the outcome fell below, and where it rose above."""
        return np.stack(tail_misses(self.lower, self.upper, self.known))

    @cached_property
    def pinball(self) -> Floats:
        """(2, ...) pinball loss at the lowest and at the highest level."""
        ends = self.quantiles[..., [0, -1]]
        loss = pinball([self.levels[0], self.levels[-1]], ends, self.known)
        return np.stack([loss[..., 0], loss[..., 1]])

    @cached_property
    def pit(self) -> Floats:
        """Probability integral transform."""
        return pit(self.levels, self.quantiles, self.known)
