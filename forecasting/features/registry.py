"""Registry of features: one small causal function each, from the trailing window to one number.

All of them are scale-free and finite for any window whose last WARM_UP returns are finite: flat, halted and
one-tick series included. A new feature is one function under `@register`; models name the features they read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Literal

import numpy as np

from forecasting.errors import UsageError
from forecasting.features.lookback import DECAY, VOLATILITY_FLOOR, Lookback, ewma, ordinary_ewma
from forecasting.features.reports import count_reports, expect_report_growth
from forecasting.features.surprises import build_quarter_feature, restrict_to_undated
from forecasting.types import Floats

FLAT = 1e-7  # relative width under which a band of closes is rounding noise
_TINY = 1e-12
VOLATILITY_DECAYS = (("60", 0.6), ("86", 0.86), ("94", DECAY), ("flat", 1.0))
RANGE_DECAYS = (("50", 0.5), ("86", 0.86), ("97", 0.97))

Subject = Literal["direction", "volatility", "market", "report"]
Dates = Literal["any", "given", "none"]  # of earnings reports in the training universe
Window = Callable[[Lookback], Floats]
Dated = Callable[[Lookback, int], Floats]
Decaying = Callable[[Lookback, float], Floats]


@dataclass(frozen=True)
class Feature:
    """One feature.

    Attributes:
        compute: Windows (..., W) and sessions ahead -> (...).
        subject: `direction` of the price, or what a log-HAR regression of volatility reads (Corsi 2009): own
            `volatility`, volatility of the whole `market`, and the `report` due in the sessions ahead, which
            alone depends on how far ahead the forecast looks.
        dates: Whether it is meant for a universe with earnings dates, for one without, or for any.
    """

    compute: Dated
    subject: Subject
    dates: Dates = "any"


FEATURES: dict[str, Feature] = {}


def register(subject: Subject, name: str = "", dates: Dates = "any") -> Callable[[Window], Window]:
    """Add a function of the window to the registry, under its own name or another."""

    def add(function: Window) -> Window:
        @wraps(function)  # its docstring states the range
        def compute(window: Lookback, _ahead: int) -> Floats:
            return function(window)

        FEATURES[name or function.__name__] = Feature(compute, subject, dates)
        return function

    return add


def register_each(
    subject: Subject, prefix: str, decays: Sequence[tuple[str, float]], *, dates: Dates = "any"
) -> Callable[[Decaying], Decaying]:
    """Add a function of the window and a decay to the registry once a decay, each under its name."""

    def add(function: Decaying) -> Decaying:
        for name, decay in decays:

            @wraps(function)
            def compute(window: Lookback, decay: float = decay) -> Floats:
                return function(window, decay)

            register(subject, f"{prefix}_{name}", dates)(compute)
        return function

    return add


@register("direction")
def return_over_volatility(window: Lookback) -> Floats:
    """Last log return in units of current volatility, in [-10, 10]."""
    return np.clip(window.returns[..., -1] / window.volatility, -10, 10)


@register("direction")
def bollinger_position(window: Lookback, span: int = 20) -> Floats:
    """Position of the close between the Bollinger bands (mean -/+ 2 sd of 20 closes), in [-0.6, 1.6].

    0 is the lower band, 1 the upper one, and 0.5 where the bands have collapsed. The guard is relative: after
    floating-point sums a flat series has a width of 1e-9, not 0.
    """
    closes = _relative_closes(window, span)
    mean, deviation = closes.mean(axis=-1), closes.std(axis=-1)
    collapsed = deviation <= FLAT * mean
    width = np.where(collapsed, 1.0, 4 * deviation)
    return np.where(collapsed, 0.5, 0.5 + (closes[..., -1] - mean) / width)


@register("direction")
def rsi(window: Lookback, span: int = 14) -> Floats:
    """Relative strength index over 14 returns with plain means (Cutler), in [0, 1]; 0.5 without a move."""
    returns = window.returns[..., -span:]
    return _share(np.maximum(returns, 0).sum(axis=-1), np.abs(returns).sum(axis=-1))


@register("direction")
def moving_average_gap(window: Lookback) -> Floats:
    """Log ratio of the 10-close to the 50-close mean over long-run volatility of 50 sessions, in [-5, 5]."""
    closes = _relative_closes(window, 50)
    gap = np.log(closes[..., -10:].mean(axis=-1) / closes.mean(axis=-1))
    scaled: Floats = gap / (window.long_run_volatility * np.sqrt(50))
    return scaled.clip(-5, 5)


@register("direction")
def momentum(window: Lookback, span: int = 60) -> Floats:
    """Log return of 60 sessions in units of the long-run volatility of 60 sessions, in [-5, 5]."""
    total: Floats = window.returns[..., -span:].sum(axis=-1) / np.sqrt(span)
    return (total / window.long_run_volatility).clip(-5, 5)


@register("direction")
def downside_share(window: Lookback, span: int = 21) -> Floats:
    """Share of the squared returns of 21 sessions that fell, in [0, 1]; 0.5 without a move."""
    squares = window.returns[..., -span:] ** 2
    fell = np.where(window.returns[..., -span:] < 0, squares, 0)
    return _share(fell.sum(axis=-1), squares.sum(axis=-1))


@register_each("volatility", "volatility", VOLATILITY_DECAYS, dates="none")
def relative_volatility(window: Lookback, decay: float) -> Floats:
    """Log of EWMA(decay) over long-run volatility, in [-4, 4]."""
    return _half_log_ratio(ewma(window.recent_squares, decay), window.long_run_volatility)


@register_each("volatility", "range", RANGE_DECAYS, dates="none")
def relative_range(window: Lookback, decay: float) -> Floats:
    """Log of EWMA(decay) of the range volatility over long-run volatility, in [-4, 4]."""
    return _half_log_ratio(ewma(window.ranges, decay), window.long_run_volatility)


@register_each("market", "market", (("80", 0.8), ("94", 0.94), ("flat", 1.0)))
def market_volatility(window: Lookback, decay: float) -> Floats:
    """Log of EWMA(decay) of market-wide relative volatility, in [-4, 4]."""
    return _half_log_ratio(ewma(window.market, decay), np.float64(1))


@register("volatility", dates="none")
def long_run_level(window: Lookback) -> Floats:
    """Log of the long-run volatility, centred at 1.8 % a session, in [-8, 3]."""
    level: Floats = np.log(window.long_run_volatility) + 4
    return level.clip(-8, 3)


for _back in range(1, 5):
    FEATURES[f"quarter_{_back}"] = Feature(build_quarter_feature(_back), "report", "none")


@register("volatility", dates="given")
def leverage(window: Lookback) -> Floats:
    """EWMA(0.9) of the returns in units of current volatility, in [-1.5, 1.5]."""
    return np.clip(ewma(window.returns, 0.9) / window.volatility, -1.5, 1.5)


@register("volatility", dates="given")
def ordinary_level(window: Lookback) -> Floats:
    """Log of the long-run volatility without reports, centred at 1.8 % a session, in [-8, 3]."""
    level: Floats = np.log(window.ordinary_long_run) + 4
    return level.clip(-8, 3)


@register("volatility", dates="given")
def report_excess(window: Lookback) -> Floats:
    """Log of the current volatility over the same without reports, in [-4, 4]."""
    ordinary = ordinary_ewma(window.recent_squares, window.report_weights, DECAY)
    return -_half_log_ratio(ordinary, window.volatility)


@register_each("volatility", "ordinary", VOLATILITY_DECAYS, dates="given")
def ordinary_volatility(window: Lookback, decay: float) -> Floats:
    """Log of EWMA(decay) over long-run volatility, both without reports, in [-4, 4]."""
    variance = ordinary_ewma(window.recent_squares, window.report_weights, decay)
    return _half_log_ratio(variance, window.ordinary_long_run)


@register_each("volatility", "ordinary_range", RANGE_DECAYS, dates="given")
def ordinary_range(window: Lookback, decay: float) -> Floats:
    """Log of EWMA(decay) of the range over long-run volatility, both without reports, in [-4, 4]."""
    variance = ordinary_ewma(window.ranges, window.report_weights, decay)
    return _half_log_ratio(variance, window.ordinary_long_run)


for _name, _compute in (("report_growth", expect_report_growth), ("report_count", count_reports)):
    FEATURES[_name] = Feature(_compute, "report", "given")
for _back in range(1, 5):
    _undated = restrict_to_undated(build_quarter_feature(_back))
    FEATURES[f"undated_quarter_{_back}"] = Feature(_undated, "report", "given")


def select_features(chosen: Sequence[str], *, with_dates: bool = False) -> tuple[str, ...]:
    """Return the chosen features; where none is named, all that suit the training universe.

    Args:
        chosen: Names; none for all.
        with_dates: Whether earnings dates are known of the training universe.

    Raises:
        UsageError: A name is not in the registry.
    """
    unknown = sorted(set(chosen) - set(FEATURES))
    if unknown:
        raise UsageError(
            f"Expected registered features, found {', '.join(unknown)}; choose {', '.join(FEATURES)}."
        )
    unsuited = "none" if with_dates else "given"
    return tuple(chosen) or tuple(name for name, each in FEATURES.items() if each.dates != unsuited)


def compute_features(window: Lookback, names: Sequence[str], ahead: int = 1) -> Floats:
    """Compute the (..., F) features `names` of windows (..., W), for a forecast of `ahead` sessions."""
    columns = [FEATURES[name].compute(window, ahead) for name in names]
    return np.stack(np.broadcast_arrays(*columns), axis=-1)


def compute_features_ahead(features: Floats, window: Lookback, names: Sequence[str], *, ahead: int) -> Floats:
    """Compute (..., F) features of one session ahead, those that depend on `ahead` for that many sessions."""
    dated = [index for index, name in enumerate(names) if FEATURES[name].subject == "report"]
    if not dated:
        return features
    updated = features.copy()
    updated[..., dated] = compute_features(window, [names[index] for index in dated], ahead)
    return updated


def _relative_closes(window: Lookback, span: int) -> Floats:
    """(..., span) last closes as multiples of the first of them."""
    steps = np.cumsum(window.returns[..., -(span - 1) :], axis=-1)
    closes: Floats = np.exp(np.concatenate([np.zeros_like(steps[..., :1]), steps], axis=-1))
    return closes


def _share(part: Floats, whole: Floats) -> Floats:
    empty = whole <= _TINY
    return np.where(empty, 0.5, part / np.where(empty, 1.0, whole))


def _half_log_ratio(variance: Floats, volatility: Floats | np.float64) -> Floats:
    ratio = np.sqrt(np.maximum(variance, VOLATILITY_FLOOR**2)) / volatility
    return np.clip(np.log(ratio), -4, 4)
