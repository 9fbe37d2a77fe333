"""Whether bands still hold as many closes as they promise, judged on the last few sessions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

HORIZONS = (1, 5, 10)
SESSIONS = 60
FEWEST_SESSIONS = 20
TOLERANCE = 0.05
STANDARD_ERRORS = 3.0


@dataclass(frozen=True)
class Drift:
    """A horizon at which the bands hold too little or too much.

    Attributes:
        horizon: Sessions ahead.
        coverage: Share of the closes inside the calibrated bands.
        nominal: Share that they promise.
        outcomes: Closes that this rests on.
        sessions: Sessions of issue that they come from.
    """

    horizon: int
    coverage: float
    nominal: float
    outcomes: int
    sessions: int


def drifts(closed: pd.DataFrame, nominal: float, horizons: Sequence[int] = HORIZONS) -> list[Drift]:
    """The horizons at which coverage is off by more than 5 points and by more than chance explains.

    Bands of one session stand and fall together, so a session counts once; and those of h sessions in a row
    overlap, so h of them count as one. What is left must be off by three standard errors.

    Args:
        closed: Issued bands with their outcomes, columns `as_of`, `horizon`, `actual`, `calibrated_lower` and
            `calibrated_upper`.
        nominal: Share that the bands promise.
        horizons: Where to look.
    """
    judged = [_judge(closed[closed["horizon"] == horizon], horizon, nominal) for horizon in horizons]
    return [one for one in judged if one is not None]


def _judge(rows: pd.DataFrame, horizon: int, nominal: float) -> Drift | None:
    last = np.sort(rows["as_of"].unique())[-SESSIONS:]
    rows = rows[rows["as_of"].isin(last)]
    if len(last) < FEWEST_SESSIONS:
        return None
    inside = rows["actual"].between(rows["calibrated_lower"], rows["calibrated_upper"])
    daily = inside.groupby(rows["as_of"]).mean()
    # under the promise a session's share has at most the spread of a single close, however few the tickers
    spread = min(max(float(daily.std()), 0.1), float(np.sqrt(nominal * (1 - nominal))))
    error = spread / np.sqrt(len(last) / horizon)
    coverage = float(daily.mean())
    if abs(coverage - nominal) <= max(TOLERANCE, STANDARD_ERRORS * error) + 1e-9:
        return None
    return Drift(horizon, coverage, nominal, len(rows), len(last))
