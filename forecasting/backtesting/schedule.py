"""When a walk forecasts, and which fit serves each origin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from forecasting.config import Frozen
from forecasting.errors import UsageError

FIRST_FIT = 400  # market sessions before any fit: log-HAR wants 280, the network more than its lookback
WARM_UP_EVERY = 5  # sessions between warm-up origins, at least


class WalkConfig(Frozen):
    """The span of a walk and its pace, in sessions of the market."""

    start: date = Field(description="First session to forecast from.")
    end: date = Field(description="Last session to forecast from.")
    every: int = Field(5, ge=1, le=252, description="Sessions between origins.")
    retrain_every: int = Field(252, ge=1, description="Sessions between fits.")
    warm_up_sessions: int = Field(
        504, ge=0, description="Sessions before `start` whose forecasts feed the calibration alone."
    )
    horizons: tuple[int, ...] = Field((1, 5, 10, 20, 30), min_length=1, description="Horizons kept.")

    @model_validator(mode="after")
    def _is_a_span(self) -> "WalkConfig":
        if self.end < self.start:
            raise ValueError("the end must not lie before the start")
        if self.horizons != tuple(sorted(set(self.horizons))) or not set(self.horizons) <= set(range(1, 31)):
            raise ValueError("horizons must increase and lie between 1 and 30")
        return self


@dataclass(frozen=True)
class Plan:
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

    def fit_of(self, origin: date) -> date:
        """The newest fit that is not after the origin."""
        return max(day for day in self.fits if day <= origin)


def plan_walk(sessions: pd.DatetimeIndex, config: WalkConfig) -> Plan:
    """Lay origins and fits over the market's sessions.

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
    if first < FIRST_FIT:
        raise UsageError(_too_early(sessions, config))
    step = max(config.every, WARM_UP_EVERY)
    earliest = max(FIRST_FIT, first - config.warm_up_sessions)
    warm_up = np.arange(first - step, earliest - 1, -step)[::-1]
    begun = int(warm_up[0]) if len(warm_up) else first
    return Plan(
        warm_up=_days(sessions, warm_up),
        reported=_days(sessions, range(first, stop, config.every)),
        fits=_days(sessions, range(begun, stop, config.retrain_every)),
    )


def _too_early(sessions: pd.DatetimeIndex, config: WalkConfig) -> str:
    found = int(sessions.searchsorted(pd.Timestamp(config.start)))
    enough = len(sessions) > FIRST_FIT
    advice = f"start on {sessions[FIRST_FIT].date()} or later" if enough else "load more history"
    return (
        f"Expected at least {FIRST_FIT} market sessions before {config.start} to fit on, found {found}; "
        f"{advice}."
    )


def _days(sessions: pd.DatetimeIndex, places: Sequence[int] | np.ndarray | range) -> tuple[date, ...]:
    return tuple(sessions[place].date() for place in places)
