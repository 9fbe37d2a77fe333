"""The gate: may a new model serve?

Candidate and champion forecast sessions that neither was trained on, from the same origins. What is compared
is the CRPS, paired by date; every horizon counts in units of the random walk's mean, or the longest one would
decide alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from forecasting.config import Frozen
from forecasting.errors import GateError
from forecasting.evaluation.bootstrap import Interval, block_bootstrap, by_date
from forecasting.evaluation.metrics import crps
from forecasting.types import Floats

if TYPE_CHECKING:
    from forecasting.backtesting.walk import Walked  # brings torch, and settings need the config alone

CONFIDENCE = 0.95
FEWEST_BLOCKS = 2


class GateConfig(Frozen):
    """What is held out for the comparison, and what it must show."""

    sessions: int = Field(63, ge=10, le=504, description="Last sessions that no model is trained on.")
    every: int = Field(3, ge=1, le=21, description="Sessions from one origin to the next.")
    horizons: tuple[int, ...] = Field((1, 5, 10), description="Horizons compared, in sessions.")
    draws: int = Field(2000, ge=200, description="Resampled means behind each bound.")
    tolerance: float = Field(
        0.005, ge=0, lt=0.1, description="How much worse an old champion's successor may at most be."
    )
    seed: int = Field(7, ge=0, description="Seed of the resampling.")

    @property
    def block(self) -> int:
        """Dates drawn together: as many as the longest outcome spans, half as many again, and one.

        With fewer, the bound of scores that are as dependent as overlapping outcomes can make them holds in
        less than 95 % of cases (measured on 18 and 21 dates).
        """
        return 1 + math.ceil(1.5 * max(self.horizons) / self.every)


@dataclass(frozen=True)
class Decision:
    """Whether a candidate may serve, and why.

    Attributes:
        promoted: Whether it may.
        reason: A sentence.
        candidate_crps: Mean over horizons, each in units of the random walk's mean.
        champion_crps: As `candidate_crps`; None without a champion.
        floor_crps: Mean CRPS of the random walk, in log returns.
        difference: Candidate minus champion (without one: minus the floor), relative to it.
        lower: Bound above which `difference` lies with 95 % confidence.
        upper: Bound below which it does.
        tolerance: Upper bound at which an old champion is renewed.
        dates: Dates compared.
        forecasts: Outcomes compared.
    """

    promoted: bool
    reason: str
    candidate_crps: float
    champion_crps: float | None
    floor_crps: float
    difference: float
    lower: float
    upper: float
    tolerance: float
    dates: int
    forecasts: int


def decide(
    candidate: Floats,
    champion: Floats | None,
    floor: Floats,
    config: GateConfig,
    *,
    renewal: bool = False,
) -> Decision:
    """Let a candidate in if it is shown to be better, or if it renews an old champion without loss.

    Better: the upper bound of its difference to the champion lies below 0; of models that are no better, one
    in twenty is let in. Renewal: the bound lies below the tolerance. In both cases its mean must be below the
    random walk's. Without a champion it is refused only where it is shown to be worse than the random walk.

    Args:
        candidate: (D, N, H) CRPS by date, ticker and horizon; NaN where unknown.
        champion: The same of the model that serves, None where none does.
        floor: The same of the random walk.
        config: What it must show.
        renewal: The champion is old, and the candidate has seen later sessions.

    Raises:
        GateError: Too few dates to compare on.
    """
    tables = [candidate, floor] if champion is None else [candidate, floor, champion]
    scaled, count = _scaled(tables)
    rival = scaled[-1] if champion is not None else scaled[1]
    if len(rival) < FEWEST_BLOCKS * config.block:
        raise GateError(found=len(rival), needed=FEWEST_BLOCKS * config.block)
    bounds = relative_difference(scaled[0], rival, config)
    mean = float(scaled[0].mean() / scaled[1].mean())  # the last dates lack the longer horizons
    promoted, reason = (
        _against_floor(bounds) if champion is None else _against(bounds, mean, config, renewal=renewal)
    )
    return Decision(
        promoted=promoted,
        reason=reason,
        candidate_crps=mean,
        champion_crps=None if champion is None else float(rival.mean() / scaled[1].mean()),
        floor_crps=float(np.nanmean(floor)),
        difference=bounds.mean,
        lower=bounds.lower,
        upper=bounds.upper,
        tolerance=config.tolerance,
        dates=len(rival),
        forecasts=count,
    )


def relative_difference(mine: Floats, other: Floats, config: GateConfig) -> Interval:
    """Mean of (D,) paired differences relative to the other's mean, and its one-sided 95 % bounds.

    The bounds of the block bootstrap are too narrow on few blocks: it draws from D / block of them as if they
    were the whole distribution. They are widened as Student's t widens the normal, and by the share of the
    variance that lies between the blocks' mean and the truth.
    """
    scale = other.mean()
    found = block_bootstrap(
        (mine - other) / scale, config.block, config.draws, config.seed, coverage=2 * CONFIDENCE - 1
    )
    share = config.block / len(mine)
    wider = _student_ratio(1 / share - 1) / math.sqrt(1 - share)
    lower, upper = (found.mean + wider * (bound - found.mean) for bound in found[1:])
    return Interval(found.mean, lower, upper)


def _student_ratio(freedom: float) -> float:
    """Quantile of Student's t over the normal's, at the confidence (Abramowitz & Stegun 26.7.5).

    >>> round(_student_ratio(5) * 1.645, 2)  # the table says 2.015
    2.01
    """
    z = NormalDist().inv_cdf(CONFIDENCE)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return (z + first / freedom + second / freedom**2 + third / freedom**3) / z


def compare(
    candidate: "Sequence[Walked]",
    champion: "Sequence[Walked] | None",
    config: GateConfig,
    *,
    renewal: bool = False,
) -> Decision:
    """`decide` on two walks over the same origins, of the bands that no calibration has touched.

    Raises:
        GateError: Too few dates to compare on.
    """
    walks = [*candidate, *(champion or ())]
    dates, tickers = ({getattr(one.forecast, name) for one in walks} for name in ("as_of", "ticker"))
    axes = sorted(dates), sorted(tickers)
    mine, floor = (_crps(candidate, band, axes, config.horizons) for band in ("predictive", "random_walk"))
    theirs = None if champion is None else _crps(champion, "predictive", axes, config.horizons)
    return decide(mine, theirs, floor, config, renewal=renewal)


def _crps(
    walked: "Sequence[Walked]", band: str, axes: tuple[list[date], list[str]], horizons: Sequence[int]
) -> Floats:
    """(D, N, H) CRPS by date, ticker and horizon; NaN where a forecast or its outcome is missing."""
    dates, tickers = axes
    table = np.full((len(dates), len(tickers), len(horizons)), np.nan)
    steps = np.array(horizons) - 1
    for one in walked:
        place = dates.index(one.forecast.as_of), tickers.index(one.forecast.ticker)
        table[place] = crps(one.forecast.levels, one.forecast.log_returns[band][steps], one.actual[steps])
    return table


def _scaled(tables: list[Floats]) -> tuple[list[Floats], int]:
    """(D,) means of each table over what all of them know, in units of the floor; how many that is."""
    known = np.logical_and.reduce([np.isfinite(table) for table in tables])  # (D, N, H)
    tables = [np.where(known, table, np.nan) for table in tables]
    unit = np.nansum(tables[1], axis=(0, 1)) / np.maximum(known.sum(axis=(0, 1)), 1)  # (H,)
    dates = known.any(axis=(1, 2))
    return [
        by_date((table / unit)[dates].reshape(dates.sum(), -1)) if dates.any() else np.empty(0)
        for table in tables
    ], int(known.sum())


def _against_floor(bounds: Interval) -> tuple[bool, str]:
    told = f"{_percent(bounds.mean)} CRPS against the random walk ({_range(bounds)})"
    if bounds.lower > 0:
        return False, f"Refused: worse than the random walk, {told}."
    return True, f"Promoted: no model served, {told}."


def _against(bounds: Interval, mean: float, config: GateConfig, *, renewal: bool) -> tuple[bool, str]:
    told = f"{_percent(bounds.mean)} CRPS against the champion ({_range(bounds)})"
    if mean >= 1:
        return False, f"Refused: no better than the random walk, at {mean:.3f} of its CRPS; {told}."
    if bounds.upper < 0:
        return True, f"Promoted: better, {told}."
    if not renewal:
        return False, f"Refused: not shown to be better, {told}."
    if bounds.upper < config.tolerance:
        return True, f"Promoted: renews an old champion without loss, {told}."
    return False, f"Refused: may be worse by more than {config.tolerance:.1%}, {told}."


def _range(bounds: Interval) -> str:
    return f"{_percent(bounds.lower)} to {_percent(bounds.upper)}"


def _percent(value: float) -> str:
    return f"{value:+.2%}".replace("%", " %")
