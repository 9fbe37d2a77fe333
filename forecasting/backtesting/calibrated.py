"""Calibrate a walk: each origin learns from the bands issued before it, as they were issued."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from forecasting.backtesting.rows import realise
from forecasting.backtesting.walk_forward import Issued
from forecasting.calibration import Calibration, learn_calibration
from forecasting.config import CalibrationConfig
from forecasting.features.returns import DailyReturns
from forecasting.types import REGIMES, Floats


def calibrate_walk(
    issued: Sequence[Issued], universe: Mapping[str, DailyReturns], config: CalibrationConfig
) -> Iterator[tuple[Issued, Calibration]]:
    """Yield each origin, in order of time, with its calibrated band first, and the state that made that.

    Args:
        issued: Warm-up and reported origins, in order, all of the same horizons and levels.
        universe: Daily returns by ticker; at each origin only targets up to it are looked at.
        config: Learning rates and priors.
    """
    if not issued:
        return
    ledger = _tabulate_bands(issued, universe)
    for origin in issued:
        session = np.datetime64(origin.origin, "s")
        closed = ledger[(ledger["target_session"] <= session) & ledger["actual"].notna()]
        calibration = learn_calibration(closed, origin.levels[0], config)
        predictive = origin.quantiles["predictive"]
        parts = [
            calibration.apply(
                ticker,
                origin.regimes[row],
                predictive[row],
                levels=origin.levels,
                horizons=origin.horizons,
                reports_ahead=origin.reports_ahead[row],
            )
            for row, ticker in enumerate(origin.tickers)
        ]
        bands = np.stack(parts) if parts else predictive
        edges = bands[..., [0, -1]].reshape(-1, 2)
        ledger.loc[ledger["as_of"] == session, ["calibrated_lower", "calibrated_upper"]] = edges
        yield replace(origin, quantiles={"calibrated": bands, **origin.quantiles}), calibration


def _tabulate_bands(issued: Sequence[Issued], universe: Mapping[str, DailyReturns]) -> pd.DataFrame:
    """Return CLOSED_BANDS and the target sessions of every band at once, the calibrated ones still NaN."""
    parts = [_columns(origin, realise(origin, universe)) for origin in issued]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return pd.DataFrame(columns).astype({"ticker": "category", "regime": pd.CategoricalDtype(REGIMES)})


def _columns(issued: Issued, actual: Floats) -> dict[str, np.ndarray]:
    predictive, horizons = issued.quantiles["predictive"], issued.horizons
    return {
        "ticker": np.repeat(np.array(issued.tickers, object), len(horizons)),
        "as_of": np.full(actual.size, np.datetime64(issued.origin, "s")),
        "horizon": np.tile(horizons, len(issued.tickers)),
        "regime": np.repeat(np.array(issued.regimes, object), len(horizons)),
        "actual": actual.ravel(),
        "lower": predictive[..., 0].ravel(),
        "median": predictive[..., issued.levels.index(0.5)].ravel(),
        "upper": predictive[..., -1].ravel(),
        "calibrated_lower": np.full(actual.size, np.nan),
        "calibrated_upper": np.full(actual.size, np.nan),
        "reports_ahead": np.array(issued.reports_ahead, np.int64).ravel(),
        "target_session": np.array(issued.targets, "datetime64[s]").ravel(),
    }
