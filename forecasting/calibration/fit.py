"""Learn the calibration of the next forecasts from the closed ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.calibration.conformal import fit_multipliers, fit_report_multipliers, weigh_outcomes
from forecasting.calibration.feedback import fold_feedback
from forecasting.calibration.state import Calibration
from forecasting.config import CalibrationConfig
from forecasting.errors import TableError
from forecasting.evaluation.metrics import tail_misses
from forecasting.tables import CLOSED_BANDS
from forecasting.types import REGIMES, Floats


@dataclass(frozen=True)
class ClosedBands:
    """Closed forecasts of D dates and N tickers at H horizons; the first axis is the tail, lower and upper.

    Attributes:
        dates: (D,) datetime64[D] of issue, increasing.
        tickers: The N symbols.
        regime: (D, N) index in REGIMES of the market at issue; -1 where the ticker was not forecast.
        scores: (2, D, N, H) distance of the outcome from the median over that of the predictive band's edge,
            in the tail's direction; NaN where the forecast is not closed. Above 1 is a miss.
        with_report: (D, N, H) whether a report was expected up to the target when the band was issued.
        misses: (2, D, N, H) 1 where the outcome lay beyond the calibrated band as issued, else 0, or NaN.
    """

    dates: np.ndarray
    tickers: tuple[str, ...]
    regime: NDArray[np.int8]
    scores: Floats
    with_report: NDArray[np.bool_]
    misses: Floats

    def gaps(self) -> Floats:
        """Return (D,) weekdays since the date of issue before, 1 at least; of the first, the median gap."""
        days = np.busday_count(self.dates[:-1], self.dates[1:]).astype(np.float64)
        typical = np.median(days) if len(days) else 1.0
        gaps: Floats = np.maximum(np.append(typical, days), 1.0)
        return gaps

    def ages(self) -> Floats:
        """Return the (D,) years between each date of issue and the newest."""
        days: Floats = (self.dates[-1] - self.dates).astype(np.float64)
        return days / 365.25


def learn_calibration(closed: pd.DataFrame, tail: float, config: CalibrationConfig) -> Calibration:
    """Learn from closed bands: conformal multipliers plus feedback, per tail and horizon.

    A pure function of its rows in any order: nothing after the last outcome among them enters.

    Args:
        closed: CLOSED_BANDS, one row for each closed forecast and horizon.
        tail: Nominal probability beyond each edge of the bands.
        config: Half-life, strength of the priors, rates.

    Raises:
        TableError: A column is missing, or a regime or a horizon is impossible.
    """
    if closed.empty:
        return Calibration.none()
    bands = build_closed_bands(closed)
    weights = weigh_outcomes(bands.ages(), bands.gaps(), bands.scores.shape[-1], config=config)
    by_ticker, pool, regime, report = [], [], [], []
    for side in (0, 1):
        wider = fit_report_multipliers(
            bands.scores[side], bands.with_report, weights, tail=tail, config=config
        )
        scores = np.where(bands.with_report, bands.scores[side] / np.exp(wider), bands.scores[side])
        multipliers = fit_multipliers(scores, bands.ages(), bands.gaps(), tail=tail, config=config)
        feedback = fold_feedback(bands.misses[side], bands.regime, bands.gaps(), tail=tail, config=config)
        by_ticker.append(multipliers.ticker + feedback.shared + feedback.ticker)  # (N, H)
        pool.append(multipliers.pool + feedback.shared)  # (H,)
        regime.append(feedback.regime)  # (3, H)
        report.append(wider)  # (H,)
    return Calibration(
        pool=np.stack(pool),
        by_ticker={ticker: np.stack(by_ticker)[:, index] for index, ticker in enumerate(bands.tickers)},
        regime=np.stack(regime).swapaxes(0, 1),
        report=np.stack(report),
        pooled=np.isfinite(bands.scores[0]).sum(axis=(0, 1)).astype(np.float64),
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


def build_closed_bands(rows: pd.DataFrame) -> ClosedBands:
    """Build the arrays from CLOSED_BANDS, in any order.

    Raises:
        TableError: A column is missing or of another kind, a forecast occurs twice, a regime is none of
            REGIMES, or a horizon is below 1.
    """
    CLOSED_BANDS.check(rows)
    _require_possible(rows)
    dates, day = np.unique(rows["as_of"].to_numpy("datetime64[D]"), return_inverse=True)
    tickers, ticker = np.unique(rows["ticker"].to_numpy(str), return_inverse=True)
    horizon = rows["horizon"].to_numpy(np.int64) - 1
    shape = (len(dates), len(tickers), int(horizon.max(initial=0)) + 1)

    def dense(name: str) -> Floats:
        array = np.full(shape, np.nan)
        array[day, ticker, horizon] = rows[name].to_numpy(np.float64)
        return array

    actual, low, middle, high = dense("actual"), dense("lower"), dense("median"), dense("upper")
    regime = np.full(shape[:2], -1, np.int8)
    regime[day, ticker] = rows["regime"].map({name: index for index, name in enumerate(REGIMES)})
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.stack([(middle - actual) / (middle - low), (actual - middle) / (high - middle)])
    misses = np.stack(tail_misses(dense("calibrated_lower"), dense("calibrated_upper"), actual))
    with_report = dense("reports_ahead") >= 1
    return ClosedBands(dates, tuple(str(name) for name in tickers), regime, scores, with_report, misses)


def _require_possible(rows: pd.DataFrame) -> None:
    unknown = sorted(set(rows["regime"].dropna()) - set(REGIMES))
    if unknown or rows["regime"].isna().any():
        expected = f"a regime among {', '.join(REGIMES)}"
        raise TableError(CLOSED_BANDS.name, expected, ", ".join(unknown) or "none")
    if (shortest := rows["horizon"].min()) < 1:
        raise TableError(CLOSED_BANDS.name, "horizons of 1 session or more", str(shortest))
