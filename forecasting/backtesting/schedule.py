"""Schedule of a walk: its origins, and the fit that serves each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecasting.config import BacktestConfig
from forecasting.errors import UsageError
from forecasting.text import format_count


@dataclass(frozen=True)
class Schedule:
    """The origins of a walk, in order.

    Attributes:
        warm_up: Origins before the start; they feed the calibration and are not reported.
        reported: Origins that are scored.
        fits: Sessions at whose close a model is fitted, the first origin among them.
    """

    warm_up: tuple[date, ...]
    reported: tuple[date, ...]
    fits: tuple[date, ...]

    @property
    def origins(self) -> tuple[date, ...]:
        """Every origin, the warm-up first."""
        return (*self.warm_up, *self.reported)

    def find_fit(self, origin: date) -> date:
        """Return the newest fit that is not after the origin."""
        return max(day for day in self.fits if day <= origin)


def schedule_walk(sessions: pd.DatetimeIndex, config: BacktestConfig) -> Schedule:
    """Schedule origins and fits over the market's sessions.

    Args:
        sessions: Sessions of the market, in order.
        config: Span and pace.

    Raises:
        UsageError: No session lies within, or too little history before the first.
    """
    first = int(sessions.searchsorted(pd.Timestamp(config.start)))
    stop = int(sessions.searchsorted(pd.Timestamp(config.end), side="right"))
    if first >= stop:
        raise UsageError(
            f"Expected market sessions from {config.start} to {config.end}, found none; "
            "choose a span that the prices cover."
        )
    if first < config.first_fit:
        raise UsageError(_describe_early_start(sessions, first, config))
    step = max(config.every, config.warm_up_every)
    earliest = max(config.first_fit, first - config.warm_up_sessions)
    warm_up = np.arange(first - step, earliest - 1, -step)[::-1]
    begin = int(warm_up[0]) if len(warm_up) else first
    return Schedule(
        warm_up=_days(sessions, warm_up),
        reported=_days(sessions, range(first, stop, config.every)),
        fits=_days(sessions, range(begin, stop, config.retrain_every)),
    )


def _describe_early_start(sessions: pd.DatetimeIndex, first: int, config: BacktestConfig) -> str:
    enough = len(sessions) > config.first_fit
    advice = f"start on {sessions[config.first_fit].date()} or later" if enough else "load more history"
    return (
        f"Expected at least {format_count(config.first_fit, 'market session')} before {config.start} "
        f"to fit on, found {first}; {advice}."
    )


def _days(sessions: pd.DatetimeIndex, indices: Sequence[int] | np.ndarray | range) -> tuple[date, ...]:
    return tuple(sessions[index].date() for index in indices)
