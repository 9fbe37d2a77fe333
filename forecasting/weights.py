"""Recency weights: how much more a recent session counts in training."""

import numpy as np

from forecasting.config import Weighting
from forecasting.forecast import Floats


def recency_weights(position: Floats, weighting: Weighting) -> Floats:
    """Weights with mean 1 by the age of a session.

    Args:
        position: (N,) place of each session in the training span, 0 the oldest and 1 the newest.
        weighting: `linear` rises from 0.5 to 1.0, `exponential` as exp(3 t), about 20 times, `none` is flat.
    """
    shapes = {
        "linear": 0.5 + 0.5 * position,
        "exponential": np.exp(3 * position),
        "none": np.ones_like(position),
    }
    raw = shapes[weighting]
    weights: Floats = raw / raw.mean()
    return weights
