"""Paired comparisons of one method with every other, date by date."""

import math

import numpy as np
import pandas as pd

from forecasting.evaluation.bootstrap import Interval, block_bootstrap
from forecasting.evaluation.panel import FLOOR, Panel
from forecasting.evaluation.scores import mean
from forecasting.types import Floats

DRAWS = 2000
SEED = 7


def paired_table(panel: Panel, contender: str, every: int) -> pd.DataFrame:
    """Differences of CRPS, contender less other, in units of the random walk's mean at the horizon.

    Args:
        panel: The walk.
        contender: The method that is judged.
        every: Sessions between its dates; the blocks of the bootstrap span the horizon.

    Returns:
        A row for each other method and horizon, and for the mean over the horizons (horizon 0): `difference`
        and its 90 % interval `lower` to `upper`, NaN where the dates do not span one block.
    """
    ours, floor = panel.of(contender).crps, panel.of(FLOOR).crps
    scale = np.array([mean(floor[..., place]) for place in range(len(panel.horizons))])
    rows = []
    for other in panel.methods:
        if other == contender:
            continue
        relative = (ours - panel.of(other).crps) / scale  # (D, N, H)
        parts = [relative[..., place] for place in range(len(panel.horizons))]
        whole = relative.mean(axis=-1)
        for horizon, part in zip((*panel.horizons, 0), (*parts, whole), strict=True):
            reach = horizon or panel.horizons[-1]
            rows.append({"other": other, "horizon": horizon, **_interval(part, reach, every)._asdict()})
    return pd.DataFrame(rows).rename(columns={"mean": "difference"})


def _interval(differences: Floats, horizon: int, every: int) -> Interval:
    known = differences[np.isfinite(differences).any(axis=1)]
    block = math.ceil(horizon / every)
    if len(known) < 2 * block:
        return Interval(mean(differences), float("nan"), float("nan"))
    return block_bootstrap(known, block, DRAWS, SEED)
