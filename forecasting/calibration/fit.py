"""Learn the calibration of the next forecasts from the closed ones."""

import numpy as np
import pandas as pd

from forecasting.calibration.conformal import fit_multipliers
from forecasting.calibration.feedback import fold_feedback
from forecasting.calibration.outcomes import ClosedBands, build_closed_bands
from forecasting.calibration.state import Calibration
from forecasting.config import CalibrationConfig
from forecasting.types import Floats


def learn_calibration(closed: pd.DataFrame, tail: float, config: CalibrationConfig) -> Calibration:
    """Learn from closed bands: conformal multipliers plus feedback, per tail and horizon.

    A pure function of its rows: it knows nothing of the time after the last outcome among them, and the order
    of the rows does not matter.

    Args:
        closed: CLOSED_BANDS, one row for each closed forecast and horizon.
        tail: Nominal probability beyond each edge of the bands.
        config: Half-life, strength of the priors, rates.

    Raises:
        UsageError: A column is missing, or a regime is unknown.
    """
    if closed.empty:
        return Calibration.none()
    bands = build_closed_bands(closed)
    own, pool, regime = [], [], []
    for side in (0, 1):
        multipliers = fit_multipliers(
            bands.scores[side], bands.ages(), bands.gaps(), tail=tail, config=config
        )
        feedback = fold_feedback(bands.misses[side], bands.regime, bands.gaps(), tail=tail, config=config)
        own.append(multipliers.ticker + feedback.shared + feedback.ticker)  # (N, H)
        pool.append(multipliers.pool + feedback.shared)  # (H,)
        regime.append(feedback.regime)  # (3, H)
    return Calibration(
        pool=np.stack(pool),
        own={ticker: np.stack(own)[:, index] for index, ticker in enumerate(bands.tickers)},
        regime=np.stack(regime).swapaxes(0, 1),
        pooled=_count_closed(bands),
    )


def needs_warm_start(closed: pd.DataFrame, config: CalibrationConfig) -> bool:
    """Return whether too few forecasts have closed, and history was not walked for these sessions already.

    Args:
        closed: CLOSED_BANDS with the `kind` of each forecast.
        config: The fewest outcomes.
    """
    if (closed["kind"] == "walk_forward").any():
        return False
    return len(closed[["ticker", "as_of"]].drop_duplicates()) < config.fewest_outcomes


def _count_closed(bands: ClosedBands) -> Floats:
    """(H,) closed forecasts at each horizon."""
    counts: Floats = np.isfinite(bands.scores[0]).sum(axis=(0, 1)).astype(np.float64)
    return counts
