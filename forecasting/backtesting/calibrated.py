"""Calibrate a walk: each origin learns from the bands issued before it, as they were issued."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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
    ledger = _Ledger.build(issued, universe)
    for origin in issued:
        closed = ledger.closed_by(np.datetime64(origin.origin, "s"))
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
        ledger.enter(origin, bands)
        yield replace(origin, quantiles={"calibrated": bands, **origin.quantiles}), calibration


@dataclass(frozen=True)
class _Ledger:
    """The columns of CLOSED_BANDS and the target sessions, a row for each band, in order of issue."""

    columns: dict[str, "np.ndarray | pd.Categorical"]

    @classmethod
    def build(cls, issued: Sequence[Issued], universe: Mapping[str, DailyReturns]) -> "_Ledger":
        """Build every row at once; the calibrated bands are entered as they are issued."""
        parts = [_columns(origin, realise(origin, universe)) for origin in issued if origin.tickers]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
        categories = {"ticker": None, "regime": list(REGIMES)}
        return cls(
            {
                name: pd.Categorical(column, categories[name]) if name in categories else column
                for name, column in columns.items()
            }
        )

    def closed_by(self, session: np.datetime64) -> pd.DataFrame:
        """Return CLOSED_BANDS whose target is not after the session; targets without a bar are left out."""
        if not self.columns:
            return pd.DataFrame()
        closed = (self.columns["target_session"] <= session) & np.isfinite(self.columns["actual"])
        return pd.DataFrame({name: column[closed] for name, column in self.columns.items()})

    def enter(self, issued: Issued, bands: Floats) -> None:
        """Enter the outermost levels of (N, H, Q) bands as issued."""
        if not issued.tickers:
            return
        rows = self.columns["as_of"] == np.datetime64(issued.origin, "s")
        for name, edge in (("calibrated_lower", 0), ("calibrated_upper", -1)):
            self.columns[name][rows] = bands[..., edge].ravel()


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
