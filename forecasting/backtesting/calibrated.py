"""The calibration of a walk: each origin learns from the bands issued before it, as they were issued."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecasting.backtesting.issue import Issued
from forecasting.backtesting.rows import Outcomes
from forecasting.calibration import learn
from forecasting.config import CalibrationConfig
from forecasting.forecast import REGIMES
from forecasting.types import Floats

Scale = tuple[Sequence[int], Sequence[float]]


def calibrated(
    issued: Sequence[Issued], outcomes: Outcomes, scale: Scale, config: CalibrationConfig
) -> Iterator[Issued]:
    """The same with the method `calibrated` before the others, in order of time.

    Args:
        issued: Warm-up and reported origins, in order.
        outcomes: What happened; at each origin only targets up to it are looked at.
        scale: The horizons and the levels of the quantiles.
        config: How bands learn.
    """
    horizons, levels = scale
    ledger = _Ledger.of(issued, outcomes, scale)
    for one in issued:
        learned = learn(ledger.closed_by(np.datetime64(one.origin, "s")), config)
        predictive = one.quantiles["predictive"]
        parts = [
            learned.apply(ticker, regime, levels, bands, horizons)
            for ticker, regime, bands in zip(one.tickers, one.regimes, predictive, strict=True)
        ]
        bands = np.stack(parts) if parts else predictive
        ledger.enter(one, bands)
        yield replace(one, quantiles={"calibrated": bands, **one.quantiles})


@dataclass(frozen=True)
class _Ledger:
    """The columns of CLOSED and the target sessions, a row for each band, in order of issue."""

    columns: dict[str, "np.ndarray | pd.Categorical"]

    @classmethod
    def of(cls, issued: Sequence[Issued], outcomes: Outcomes, scale: Scale) -> "_Ledger":
        """Everything that is known once all is over; the calibrated bands are entered as they are issued."""
        horizons, levels = scale
        middle = list(levels).index(0.5)
        parts = [_columns(one, outcomes.after(one), horizons, middle) for one in issued if one.tickers]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
        categories = {"ticker": None, "regime": list(REGIMES)}
        return cls(
            {
                name: pd.Categorical(column, categories[name]) if name in categories else column
                for name, column in columns.items()
            }
        )

    def closed_by(self, session: np.datetime64) -> pd.DataFrame:
        """Rows whose target is not after the session; what has no bar there is left out."""
        if not self.columns:
            return pd.DataFrame()
        closed = (self.columns["target_session"] <= session) & np.isfinite(self.columns["actual"])
        return pd.DataFrame({name: column[closed] for name, column in self.columns.items()})

    def enter(self, issued: Issued, bands: Floats) -> None:
        """Note the outermost levels of (N, H, Q) bands as issued."""
        if not issued.tickers:
            return
        rows = self.columns["as_of"] == np.datetime64(issued.origin, "s")
        for name, place in (("calibrated_lower", 0), ("calibrated_upper", -1)):
            self.columns[name][rows] = bands[..., place].ravel()


def _columns(issued: Issued, actual: Floats, horizons: Sequence[int], middle: int) -> dict[str, np.ndarray]:
    predictive = issued.quantiles["predictive"]
    return {
        "ticker": np.repeat(np.array(issued.tickers, object), len(horizons)),
        "as_of": np.full(actual.size, np.datetime64(issued.origin, "s")),
        "horizon": np.tile(horizons, len(issued.tickers)),
        "regime": np.repeat(np.array(issued.regimes, object), len(horizons)),
        "actual": actual.ravel(),
        "lower": predictive[..., 0].ravel(),
        "median": predictive[..., middle].ravel(),
        "upper": predictive[..., -1].ravel(),
        "calibrated_lower": np.full(actual.size, np.nan),
        "calibrated_upper": np.full(actual.size, np.nan),
        "target_session": np.array(issued.targets, "datetime64[s]").ravel(),
    }
