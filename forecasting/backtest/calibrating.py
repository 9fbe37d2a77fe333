"""The calibration of a walk: each origin learns from the bands issued before it, as they were issued."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting.backtest.issue import Issued
from forecasting.backtest.rows import Outcomes
from forecasting.calibration import CLOSED, learn
from forecasting.config import CalibrationConfig
from forecasting.forecast import Floats


def calibrated(
    issued: Sequence[Issued],
    outcomes: Outcomes,
    scale: tuple[Sequence[int], Sequence[float]],
    config: CalibrationConfig,
) -> Iterator[Issued]:
    """The same with the method `calibrated` before the others, in order of time.

    Args:
        issued: Warm-up and reported origins, in order.
        outcomes: What happened; at each origin only targets up to it are looked at.
        scale: The horizons and the levels of the quantiles.
        config: How bands learn.
    """
    horizons, levels = scale
    past: list[pd.DataFrame] = []
    for one in issued:
        rows = pd.concat(past) if past else pd.DataFrame(columns=[*CLOSED, "target_session"])
        learned = learn(rows[rows["target_session"] <= pd.Timestamp(one.origin)], config)
        predictive = one.quantiles["predictive"]
        parts = [
            learned.apply(ticker, regime, levels, bands, horizons)
            for ticker, regime, bands in zip(one.tickers, one.regimes, predictive, strict=True)
        ]
        bands = np.stack(parts) if parts else predictive
        past.append(_closed(one, bands, outcomes.after(one), scale))
        yield replace(one, quantiles={"calibrated": bands, **one.quantiles})


def _closed(
    issued: Issued, bands: Floats, actual: Floats, scale: tuple[Sequence[int], Sequence[float]]
) -> pd.DataFrame:
    """Rows of the columns CLOSED, and their targets; what has no bar (yet) is left out."""
    horizons, levels = scale
    predictive, middle = issued.quantiles["predictive"], list(levels).index(0.5)
    columns = {
        "ticker": np.repeat(issued.tickers, len(horizons)),
        "as_of": np.datetime64(issued.origin),
        "horizon": np.tile(horizons, len(issued.tickers)),
        "regime": np.repeat(issued.regimes, len(horizons)),
        "actual": actual.ravel(),
        "lower": predictive[..., 0].ravel(),
        "median": predictive[..., middle].ravel(),
        "upper": predictive[..., -1].ravel(),
        "calibrated_lower": bands[..., 0].ravel(),
        "calibrated_upper": bands[..., -1].ravel(),
        "target_session": np.array(issued.targets, "datetime64[s]").ravel(),
    }
    frame = pd.DataFrame(columns)
    return frame[frame["actual"].notna()]
