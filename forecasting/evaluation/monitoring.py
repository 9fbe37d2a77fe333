"""Coverage drift: issued bands whose realised coverage is off over the last few sessions."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecasting.config import MonitoringConfig


@dataclass(frozen=True)
class Drift:
    """A horizon at which the bands hold too few or too many closes.

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


def find_drifts(closed: pd.DataFrame, nominal: float, config: MonitoringConfig) -> list[Drift]:
    """Return the horizons at which coverage is off by more than the tolerance and more than chance explains.

    Bands of one session hold or fail together, so a session counts once; and those of h sessions in a row
    overlap, so h of them count as one. The rest must be off by three standard errors.

    Args:
        closed: Issued bands with their outcomes, columns `as_of`, `horizon`, `actual`, `calibrated_lower` and
            `calibrated_upper`.
        nominal: Share that the bands promise.
        config: Horizons, sessions and tolerance.
    """
    judged = [_judge(closed[closed["horizon"] == h], h, nominal, config=config) for h in config.horizons]
    return [drift for drift in judged if drift is not None]


def _judge(rows: pd.DataFrame, horizon: int, nominal: float, *, config: MonitoringConfig) -> Drift | None:
    sessions = np.sort(rows["as_of"].unique())[-config.sessions :]
    rows = rows[rows["as_of"].isin(sessions)]
    if len(sessions) < config.fewest_sessions:
        return None
    inside = rows["actual"].between(rows["calibrated_lower"], rows["calibrated_upper"])
    daily = inside.groupby(rows["as_of"]).mean()
    # Under the promise a session's share has at most the spread of a single close, however few the tickers.
    spread = min(max(float(daily.std()), 0.1), float(np.sqrt(nominal * (1 - nominal))))
    error = spread / np.sqrt(len(sessions) / horizon)
    coverage = float(daily.mean())
    if abs(coverage - nominal) <= max(config.tolerance, config.standard_errors * error) + 1e-9:
        return None
    return Drift(horizon, coverage, nominal, len(rows), len(sessions))
