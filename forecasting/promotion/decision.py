"""Promotion test: may a challenger serve?

Challenger and champion forecast sessions that neither was trained on, from the same origins. Their CRPS is
compared, paired by date; every horizon counts in units of the random walk's mean, or the longest one would
decide alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forecasting.config import PromotionConfig
from forecasting.errors import PromotionError
from forecasting.evaluation.bootstrap import Interval, bound_relative_difference, mean_by_date
from forecasting.types import Floats

CONFIDENCE = 0.95
FEWEST_BLOCKS = 2


@dataclass(frozen=True)
class Decision:
    """Result of a promotion test.

    Attributes:
        promoted: Whether the challenger may serve.
        reason: A sentence.
        challenger_crps: Mean over horizons, each in units of the random walk's mean.
        champion_crps: As `challenger_crps`; None without a champion.
        reference_crps: Mean CRPS of the random walk, in log returns.
        difference: Challenger minus champion (without one: minus the random walk), relative to it.
        lower: Bound above which `difference` lies with 95 % confidence.
        upper: Bound below which it does.
        tolerance: Upper bound at which an old champion is renewed.
        dates: Dates compared.
        forecasts: Outcomes compared.
    """

    promoted: bool
    reason: str
    challenger_crps: float
    champion_crps: float | None
    reference_crps: float
    difference: float
    lower: float
    upper: float
    tolerance: float
    dates: int
    forecasts: int


class _Scaled(NamedTuple):
    """(D,) means of each table over the outcomes that all of them have, and how many outcomes that is."""

    means: list[Floats]
    outcomes: int


def decide_promotion(
    challenger: Floats,
    champion: Floats | None,
    reference: Floats,
    *,
    config: PromotionConfig,
    renewal: bool = False,
) -> Decision:
    """Promote a challenger that is better, or that renews an old champion without loss.

    Better: the upper bound of its difference to the champion lies below 0; of models that are no better, one
    in twenty is promoted. Renewal: the bound lies below the tolerance. In both cases its mean must be below
    the random walk's. Without a champion it is refused only if it is worse than the random walk beyond doubt.

    Args:
        challenger: (D, N, H) CRPS by date, ticker and horizon; NaN where unknown.
        champion: The same of the model that serves, None where none does.
        reference: The same of the random walk.
        config: Block, draws, tolerance.
        renewal: The champion is old, and the challenger has seen later sessions.

    Raises:
        PromotionError: Too few dates to compare on.
    """
    tables = [challenger, reference] if champion is None else [challenger, reference, champion]
    scaled = _scale_to_reference(tables)
    challenger_means, reference_means, *_ = scaled.means
    compared_means = scaled.means[-1]  # of the champion, where there is one
    needed = FEWEST_BLOCKS * config.block
    if len(challenger_means) < needed:
        raise PromotionError(found=len(challenger_means), needed=needed)
    bounds = bound_relative_difference(
        challenger_means,
        compared_means,
        block=config.block,
        draws=config.draws,
        seed=config.seed,
        confidence=CONFIDENCE,
    )
    mean = float(challenger_means.mean() / reference_means.mean())  # the last dates lack the longer horizons
    refusal = _refuse(bounds, mean, config, has_champion=champion is not None, renewal=renewal)
    return Decision(
        promoted=not refusal,
        reason=refusal or _praise(bounds, has_champion=champion is not None),
        challenger_crps=mean,
        champion_crps=None if champion is None else float(compared_means.mean() / reference_means.mean()),
        reference_crps=float(np.nanmean(reference)),
        difference=bounds.mean,
        lower=bounds.lower,
        upper=bounds.upper,
        tolerance=config.tolerance,
        dates=len(challenger_means),
        forecasts=scaled.outcomes,
    )


def _scale_to_reference(tables: Sequence[Floats]) -> _Scaled:
    known = np.logical_and.reduce([np.isfinite(table) for table in tables])  # (D, N, H)
    shared = [np.where(known, table, np.nan) for table in tables]
    unit = np.nansum(shared[1], axis=(0, 1)) / np.maximum(known.sum(axis=(0, 1)), 1)  # (H,)
    dates = known.any(axis=(1, 2))
    if not dates.any():
        return _Scaled([np.empty(0) for _ in tables], 0)
    means = [mean_by_date((table / unit)[dates].reshape(dates.sum(), -1)) for table in shared]
    return _Scaled(means, int(known.sum()))


def _refuse(
    bounds: Interval, mean: float, config: PromotionConfig, *, has_champion: bool, renewal: bool
) -> str:
    """Return the sentence of a refusal, empty where the challenger is promoted."""
    compared = _compare(bounds, has_champion=has_champion)
    if not has_champion:
        return f"Refused: worse than the random walk, {compared}." if bounds.lower > 0 else ""
    if mean >= 1:
        return f"Refused: no better than the random walk, at {mean:.3f} of its CRPS; {compared}."
    if bounds.upper < 0 or (renewal and bounds.upper < config.tolerance):
        return ""
    if renewal:
        return f"Refused: may be worse by more than {config.tolerance:.1%}, {compared}."
    return f"Refused: not shown to be better, {compared}."


def _praise(bounds: Interval, *, has_champion: bool) -> str:
    compared = _compare(bounds, has_champion=has_champion)
    if not has_champion:
        return f"Promoted: no model served, {compared}."
    if bounds.upper < 0:
        return f"Promoted: better, {compared}."
    return f"Promoted: renews an old champion without loss, {compared}."


def _compare(bounds: Interval, *, has_champion: bool) -> str:
    other = "champion" if has_champion else "random walk"
    interval = f"{_percent(bounds.lower)} to {_percent(bounds.upper)}"
    return f"{_percent(bounds.mean)} CRPS against the {other} ({interval})"


def _percent(value: float) -> str:
    return f"{value:+.2%}".replace("%", " %")
