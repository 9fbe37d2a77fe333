"""Bands of every horizon from one encoding a dropout run: linear part times the run's correction.

The quantiles of the runs are averaged level by level. The residuals of the linear part contain all
that it leaves unexplained, including what the runs disagree on. A mixture of the runs counts that twice; it
is kept for comparison (`mc_dropout`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import torch
from numpy.typing import NDArray

from forecasting.config import SimulationConfig
from forecasting.errors import DropoutNotLiveError
from forecasting.model.artifact import Model
from forecasting.model.dataset import TickerFeatures
from forecasting.model.log_har import RESIDUAL_LEVELS
from forecasting.model.network import Masks, StackedLSTM
from forecasting.model.random_streams import open_stream
from forecasting.model.residuals import PastSessions
from forecasting.model.threads import single_thread
from forecasting.types import Floats

DRIFT_SESSIONS = 30  # of `largest_drift`


@dataclass(frozen=True)
class DropoutRuns:
    """Forecasts of M dropout runs for every horizon.

    Attributes:
        linear: (H,) scale of the cumulative log return by the linear part.
        corrections: (M, H) that each run adds to its log.
        shape: (H, 99) residual quantiles at RESIDUAL_LEVELS.
        weight: Share of the corrections that enters the bands; the spread of the runs is kept in any case.
    """

    linear: Floats
    corrections: Floats
    shape: Floats
    weight: float

    @property
    def scale(self) -> Floats:
        """(H,) of the bands: the mean over the runs."""
        scale: Floats = self.linear * np.exp(self.weight * self.corrections).mean(axis=0)
        return scale

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Return the (H, Q) mean over the runs of the quantiles of each, level by level."""
        shape = np.stack([np.interp(levels, RESIDUAL_LEVELS, row) for row in self.shape])
        quantiles: Floats = self.scale[:, None] * shape
        return quantiles

    def mixture_quantiles(self, levels: Sequence[float]) -> Floats:
        """Return (H, Q) of the mixture of the runs, each with its full correction (Gal & Ghahramani 2016)."""
        scales = (self.linear * np.exp(self.corrections)).T  # (H, M)
        outcomes = scales[:, :, None] * self.shape[:, None, :]  # (H, M, 99), of equal weight
        pooled = outcomes.reshape(len(scales), -1)
        quantiles: Floats = np.quantile(pooled, levels, axis=1, method="weibull").T  # one run: its own levels
        return quantiles

    @property
    def model_variance(self) -> Floats:
        """(H,) variance between the means of the runs."""
        means = self.linear * np.exp(self.corrections) * self.shape.mean(axis=1)
        variance: Floats = means.var(axis=0, ddof=1)
        return variance

    @property
    def noise_variance(self) -> Floats:
        """(H,) mean variance within the runs."""
        squares = np.exp(2 * self.weight * self.corrections).mean(axis=0)
        variance: Floats = self.linear**2 * squares * self.shape.var(axis=1)
        return variance


def forecast_heads(
    model: Model, ticker: TickerFeatures, config: SimulationConfig, *, as_of: date
) -> DropoutRuns:
    """Forecast every horizon by M dropout runs.

    Raises:
        DropoutNotLiveError: The dropout runs do not differ.
        ModelError: The model was fitted for a shorter horizon.
    """
    masks = draw_run_masks(model, open_stream(config.seed, as_of, ticker.ticker), config.dropout_runs)
    lookback = as_batch(ticker.features[None, -model.manifest.config.training.lookback :, model.inputs])
    with single_thread(), torch.inference_mode():
        # The first layer reads the one row for all runs; their masks come behind it.
        corrections = model.network(lookback, masks).correction[:, -1].numpy().astype(np.float64)
    require_live(corrections, masks, ticker.ticker)
    horizons = range(1, config.horizon + 1)
    return DropoutRuns(
        linear=model.log_har.scales(ticker.window, horizons),
        corrections=interpolate_knots(corrections, model.network.config.knots, config.horizon),
        shape=model.log_har.shape(horizons, RESIDUAL_LEVELS),
        weight=model.manifest.correction_weight,
    )


def draw_run_masks(model: Model, stream: np.random.Generator, runs: int) -> Masks:
    """Draw the masks of M dropout runs from a ticker's stream, first of all that is drawn from it."""
    generator = torch.Generator().manual_seed(int(stream.integers(2**63)))
    return model.network.draw_masks(runs, generator)


def require_live(corrections: Floats, masks: Masks, ticker: str) -> None:
    """Raise unless dropout runs differ; chance may draw the same masks for a few runs of a small network.

    Args:
        corrections: (M, K) of the runs.
        masks: Of the runs.
        ticker: The symbol.

    Raises:
        DropoutNotLiveError: They are identical under masks that differ.
    """
    # NaN is another fault, which the check of the bands names.
    if np.ptp(corrections, axis=0).max() == 0 and any((mask != mask[0]).any() for mask in masks):
        raise DropoutNotLiveError(ticker)


def interpolate_knots(values: Floats, knots: Sequence[int], horizon: int) -> Floats:
    """Interpolate (..., K) at the knots to (..., H): linear over the log of the horizon, flat beyond."""
    wanted, known = np.log(np.arange(1, horizon + 1)), np.log(knots)
    rows = [np.interp(wanted, known, row) for row in values.reshape(-1, len(knots))]
    return np.stack(rows).reshape(*values.shape[:-1], horizon)


def expect_log_scale(network: StackedLSTM, past: PastSessions, *, weight: float) -> Floats:
    """Return the (T,) log scale of the next session, without dropout, in units of current volatility."""
    if weight == 0:
        return past.log_scale
    with torch.inference_mode():
        correction = network(as_batch(past.inputs[None])).correction[0, :, 0]
    corrected: Floats = past.log_scale + weight * correction.numpy().astype(np.float64)
    return corrected


def as_batch(features: Floats | NDArray[np.float32]) -> torch.Tensor:
    """Return features (B, T, F) as the network reads them."""
    return torch.as_tensor(np.ascontiguousarray(features, dtype=np.float32))


def bound_medians(quantiles: Floats, config: SimulationConfig) -> Floats:
    """Return the (H, Q) quantiles, moved as a whole where the median lies further from zero than a drift may.

    A drift in deviations grows with the volatility of a share, and the returns of shares do not: the most
    volatile earn the least (Ang, Hodrick, Xing & Zhang 2006).
    """
    median = quantiles[:, config.levels.index(0.5)]
    bound = config.largest_drift * np.arange(1, len(quantiles) + 1) / DRIFT_SESSIONS
    return quantiles + (median.clip(-bound, bound) - median)[:, None]
