"""The features: one small causal function each, from the trailing window to one number.

All of them are scale-free and finite for any window whose last WARM_UP returns are finite: flat, halted and
one-tick series included.
"""

from collections.abc import Callable, Sequence

import numpy as np

from forecasting.errors import UsageError
from forecasting.features.earnings import quarters_ago
from forecasting.features.lookback import VOLATILITY_FLOOR, Trailing, ewma
from forecasting.types import Floats

FLAT = 1e-7  # relative width under which a band of closes is rounding noise
_TINY = 1e-12


def return_over_volatility(window: Trailing) -> Floats:
    """Last log return in units of current volatility, in [-10, 10]."""
    return np.clip(window.returns[..., -1] / window.volatility, -10, 10)


def bollinger_position(window: Trailing, span: int = 20) -> Floats:
    """Place of the close between the Bollinger bands (mean -/+ 2 sd of 20 closes), in [-0.6, 1.6].

    0 is the lower band, 1 the upper one, and 0.5 where the bands have collapsed. The guard is relative: after
    floating-point sums a flat series has a width of 1e-9, not 0.
    """
    closes = _relative_closes(window, span)
    mean, deviation = closes.mean(axis=-1), closes.std(axis=-1)
    collapsed = deviation <= FLAT * mean
    width = np.where(collapsed, 1.0, 4 * deviation)
    return np.where(collapsed, 0.5, 0.5 + (closes[..., -1] - mean) / width)


def rsi(window: Trailing, span: int = 14) -> Floats:
    """Relative strength index over 14 returns with plain means (Cutler), in [0, 1]; 0.5 without a move."""
    returns = window.returns[..., -span:]
    return _share(np.maximum(returns, 0).sum(axis=-1), np.abs(returns).sum(axis=-1))


def moving_average_gap(window: Trailing) -> Floats:
    """Log ratio of the 10-close to the 50-close mean over long-run volatility of 50 sessions, in [-5, 5]."""
    closes = _relative_closes(window, 50)
    gap = np.log(closes[..., -10:].mean(axis=-1) / closes.mean(axis=-1))
    scaled: Floats = gap / (window.long_run_volatility * np.sqrt(50))
    return scaled.clip(-5, 5)


def momentum(window: Trailing, span: int = 60) -> Floats:
    """Log return of 60 sessions in units of the long-run volatility of 60 sessions, in [-5, 5]."""
    total: Floats = window.returns[..., -span:].sum(axis=-1) / np.sqrt(span)
    return (total / window.long_run_volatility).clip(-5, 5)


def downside_share(window: Trailing, span: int = 21) -> Floats:
    """Share of the squared returns of 21 sessions that fell, in [0, 1]; 0.5 without a move."""
    squares = window.returns[..., -span:] ** 2
    fell = np.where(window.returns[..., -span:] < 0, squares, 0)
    return _share(fell.sum(axis=-1), squares.sum(axis=-1))


def long_run_level(window: Trailing) -> Floats:
    """Log of the long-run volatility, centred at 1.8 % a session, in [-8, 3]."""
    level: Floats = np.log(window.long_run_volatility) + 4
    return level.clip(-8, 3)


def _relative_volatility(decay: float) -> Callable[[Trailing], Floats]:
    def feature(window: Trailing) -> Floats:
        return _half_log_ratio(ewma(window.returns**2, decay), window.long_run_volatility)

    feature.__doc__ = f"Log of EWMA({decay}) over long-run volatility, in [-4, 4]."
    return feature


def _relative_range(decay: float) -> Callable[[Trailing], Floats]:
    def feature(window: Trailing) -> Floats:
        return _half_log_ratio(ewma(window.ranges, decay), window.long_run_volatility)

    feature.__doc__ = f"Log of EWMA({decay}) of the range volatility over long-run volatility, in [-4, 4]."
    return feature


def _market_volatility(decay: float) -> Callable[[Trailing], Floats]:
    def feature(window: Trailing) -> Floats:
        return _half_log_ratio(ewma(window.market, decay), np.float64(1))

    feature.__doc__ = f"Log of EWMA({decay}) of market-wide relative volatility, in [-4, 4]."
    return feature


MARKET_FEATURES: dict[str, Callable[[Trailing], Floats]] = {
    "market_80": _market_volatility(0.8),
    "market_94": _market_volatility(0.94),
    "market_flat": _market_volatility(1.0),
}
# Those that know how far ahead the forecast looks: one session unless told.
QUARTER_FEATURES: dict[str, Callable[[Trailing, int], Floats]] = {
    f"quarter_{back}": quarters_ago(back) for back in range(1, 5)
}
# What a log-HAR regression of volatility sees (Corsi 2009), and the linear skip with it.
VOLATILITY_FEATURES: dict[str, Callable[..., Floats]] = {
    "volatility_60": _relative_volatility(0.6),
    "volatility_86": _relative_volatility(0.86),
    "volatility_94": _relative_volatility(0.94),
    "volatility_flat": _relative_volatility(1.0),
    "range_50": _relative_range(0.5),
    "range_86": _relative_range(0.86),
    "range_97": _relative_range(0.97),
    **MARKET_FEATURES,
    "long_run_level": long_run_level,
    **QUARTER_FEATURES,
}
FEATURES: dict[str, Callable[..., Floats]] = {
    "return_over_volatility": return_over_volatility,
    "bollinger_position": bollinger_position,
    "rsi": rsi,
    "moving_average_gap": moving_average_gap,
    "momentum": momentum,
    "downside_share": downside_share,
    **VOLATILITY_FEATURES,
}


def feature_names(chosen: Sequence[str]) -> tuple[str, ...]:
    """The chosen features, or all of them where none is named.

    Raises:
        UsageError: A name is not in the registry.
    """
    unknown = sorted(set(chosen) - set(FEATURES))
    if unknown:
        raise UsageError(f"Expected features among {', '.join(FEATURES)}, found {', '.join(unknown)}.")
    return tuple(chosen) or tuple(FEATURES)


def compute_features(window: Trailing, names: Sequence[str], ahead: int = 1) -> Floats:
    """(..., F) features of windows (..., W), in the order of `names`, for a forecast of `ahead` sessions."""
    return np.stack([_feature(name, window, ahead) for name in names], axis=-1)


def _feature(name: str, window: Trailing, ahead: int) -> Floats:
    if name in QUARTER_FEATURES:
        return QUARTER_FEATURES[name](window, ahead)
    return FEATURES[name](window)


def _relative_closes(window: Trailing, span: int) -> Floats:
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
