"""Learning: closed forecasts in, the calibration of the next ones out."""

import numpy as np
import pandas as pd

from forecasting.calibration.conformal import law_of
from forecasting.calibration.feedback import feedback_of
from forecasting.calibration.outcomes import Closed, closed_arrays
from forecasting.calibration.state import Calibration
from forecasting.config import CalibrationConfig
from forecasting.types import Floats


def learn(closed: pd.DataFrame, config: CalibrationConfig) -> Calibration:
    """The calibration after these outcomes: residual law plus feedback, per tail and horizon.

    A pure function of its rows: it knows nothing of the time after the last outcome among them, and the order
    of the rows does not matter.

    Args:
        closed: Rows of the columns CLOSED, one for each closed forecast and horizon.
        config: Half-life, strength of the priors, rates.

    Raises:
        UsageError: A column is missing, or a regime is unknown.
    """
    if closed.empty:
        return Calibration.none()
    known = closed_arrays(closed)
    tails = [_tail(known, side, config) for side in (0, 1)]
    own, pool, regime = (
        np.stack(parts) for parts in zip(*tails, strict=True)
    )  # (2, N, H), (2, H), (2, 3, H)
    return Calibration(
        pool=pool,
        own={ticker: own[:, place] for place, ticker in enumerate(known.tickers)},
        regime=regime.swapaxes(0, 1),
        pooled=np.isfinite(known.scores[0]).sum(axis=(0, 1)).astype(np.float64),
    )


def _tail(known: Closed, side: int, config: CalibrationConfig) -> tuple[Floats, Floats, Floats]:
    gaps, tail = known.gaps(), config.tail
    own, pool = law_of(known.scores[side], known.ages(), gaps, tail, config)
    moved = feedback_of(known.misses[side], known.regime, gaps, tail, config)
    return own + moved.shared + moved.ticker, pool + moved.shared, moved.regime
