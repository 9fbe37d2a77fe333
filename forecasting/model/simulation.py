"""Monte-Carlo dropout times noise paths, session by session, features recomputed on the way.

Masks are kept along a path (Gal & Ghahramani 2016); noise is drawn by rows of past sessions (filtered
historical simulation, Barone-Adesi et al. 1999, with vector residuals).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import torch
from numpy.typing import NDArray

from forecasting.config import SimulationConfig
from forecasting.errors import DropoutNotLiveError
from forecasting.features.lookback import WINDOW, Lookback, ReportWindow
from forecasting.features.market import predict_market
from forecasting.features.registry import compute_features
from forecasting.model.artifact import Model
from forecasting.model.dataset import TickerFeatures
from forecasting.model.network import Masks, Output, State, expand_masks, expand_state
from forecasting.model.random_streams import LARGEST_STEP, open_stream
from forecasting.model.residuals import ResidualPool
from forecasting.model.threads import single_thread
from forecasting.types import Floats


@dataclass(frozen=True)
class Paths:
    """Cumulative log returns of the simulated sessions.

    Attributes:
        noisy: (M, K, H) with noise.
        bare: (M, H) of each dropout run without noise.
    """

    noisy: Floats
    bare: Floats

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """(H, Q) over all S paths."""
        quantiles: Floats = np.quantile(self.noisy.reshape(-1, self.noisy.shape[-1]), levels, axis=0).T
        return quantiles

    def bare_quantiles(self, levels: Sequence[float]) -> Floats:
        """(H, Q) over the M dropout runs without noise: the textbook's band, far too narrow for prices."""
        quantiles: Floats = np.quantile(self.bare, levels, axis=0).T
        return quantiles

    @property
    def noise_variance(self) -> Floats:
        """(H,) mean variance within the dropout runs."""
        variance: Floats = self.noisy.var(axis=1, ddof=1 if self.noisy.shape[1] > 1 else 0).mean(axis=0)
        return variance

    @property
    def model_variance(self) -> Floats:
        """(H,) variance between the dropout runs, without the part that finite K lends it (one-way ANOVA)."""
        between = self.noisy.mean(axis=1).var(axis=0, ddof=1)
        variance: Floats = np.maximum(between - self.noise_variance / self.noisy.shape[1], 0)
        return variance


def simulate_paths(model: Model, ticker: TickerFeatures, config: SimulationConfig, *, as_of: date) -> Paths:
    """Simulate S = M * K paths and M paths without noise.

    Raises:
        DropoutNotLiveError: The dropout runs do not differ.
    """
    stream = open_stream(config.seed, as_of, ticker.ticker)
    runs = config.dropout_runs
    copies = config.noise_paths + 1  # the last copy of each run stays without noise
    generator = torch.Generator().manual_seed(int(stream.integers(2**63)))
    noise = draw_noise(model.residuals, stream, config).reshape(config.horizon, -1, 3)
    with single_thread(), torch.inference_mode():
        masks = model.network.draw_masks(runs, generator)
        lookback = ticker.features[-model.manifest.config.training.lookback :]
        encoded = model.network(_as_batch(np.broadcast_to(lookback, (runs, *lookback.shape))), masks)
        _require_live(encoded, ticker.ticker)
        cumulative = _roll_forward(
            model, ticker.window, _expand(encoded, copies), masks=expand_masks(masks, copies), noise=noise
        )
    paths = cumulative.reshape(runs, copies, config.horizon)
    return Paths(noisy=paths[:, :-1], bare=paths[:, -1])


def draw_noise(pool: ResidualPool, stream: np.random.Generator, config: SimulationConfig) -> Floats:
    """(H, M, K + 1, 3) rows of the pool; the last copy has no residual and the pool's mean ratios.

    Each session's rows are a Latin hypercube sample (McKay et al. 1979): one from each of S equally likely
    strata of the sorted residuals, in random order over the paths. It takes most of the noise out of the
    quantiles that S free draws would have.
    """
    horizon, runs, each = config.horizon, config.dropout_runs, config.noise_paths
    cumulative, paths = np.cumsum(pool.weights), runs * each
    order = stream.permuted(np.tile(np.arange(paths), (horizon, 1)), axis=1)
    strata = order + stream.random((horizon, paths))
    drawn: NDArray[np.int64] = np.searchsorted(cumulative, strata / paths * cumulative[-1], side="right")
    rows = np.empty((horizon, runs, each + 1, 3))
    rows[:, :, :-1] = pool.rows[np.minimum(drawn, len(pool.rows) - 1)].reshape(horizon, runs, -1, 3)
    mean = pool.weights @ pool.rows / cumulative[-1]
    rows[..., -1, :] = [0.0, mean[1], mean[2]]
    return rows


def _require_live(encoded: Output, ticker: str) -> None:
    spread = np.maximum(np.ptp(_last(encoded.location)), np.ptp(_last(encoded.log_scale)))
    if spread == 0:  # NaN is another fault, which the check of the bands names
        raise DropoutNotLiveError(ticker)


def _roll_forward(model: Model, start: Lookback, out: Output, *, masks: Masks, noise: Floats) -> Floats:
    """(S, H) cumulative log returns of S rows, starting from the encoder output for the first session."""
    horizon, rows, _ = noise.shape
    names = model.manifest.features
    channels = (start.returns, start.ranges, start.market, start.surprises)
    reports = None if start.reports is None else _extend_reports(start.reports, rows, horizon)
    path = Lookback(*(_with_room(channel, rows, horizon) for channel in channels), reports=reports)
    window = _window_at(path, 0)
    for step in range(horizon):
        scale = window.volatility * np.exp(_last(out.log_scale))
        residual, range_ratio, market_ratio = noise[step].T
        drift = window.volatility * _last(out.location)
        path.returns[:, WINDOW + step] = np.clip(drift + scale * residual, -LARGEST_STEP, LARGEST_STEP)
        path.ranges[:, WINDOW + step] = range_ratio * scale**2
        path.market[:, WINDOW + step] = market_ratio * predict_market(model.market, window.market)
        window = _window_at(path, step + 1)
        if step + 1 < horizon:
            features = compute_features(window, names)  # (S, F)
            out = model.network(_as_batch(features[:, None]), masks, out.state)
    cumulative: Floats = np.cumsum(path.returns[:, WINDOW:], axis=1)
    return cumulative


def _with_room(channel: Floats, rows: int, horizon: int) -> Floats:
    """(S, W + H): the history in each row, and room for the simulated sessions; they have no surprises."""
    room = np.full((rows, WINDOW + horizon), np.nan)
    room[:, :WINDOW] = channel
    return room


def _extend_reports(reports: ReportWindow, rows: int, horizon: int) -> ReportWindow:
    """(S, W + H) reports of the history and of the simulated sessions: those were ahead of it."""
    weights = _with_room(reports.weights, rows, horizon)
    weights[:, WINDOW:] = reports.ahead[:horizon]
    ahead = np.broadcast_to(reports.ahead, (rows, len(reports.ahead)))
    return ReportWindow(weights, ahead, np.full(rows, reports.size))


def _window_at(path: Lookback, step: int) -> Lookback:
    return path[:, step : step + WINDOW]


def _expand(out: Output, copies: int) -> Output:
    state: State = expand_state(out.state, copies)
    return Output(
        out.location[:, -1:].repeat_interleave(copies, dim=0),
        out.log_scale[:, -1:].repeat_interleave(copies, dim=0),
        state,
    )


def _as_batch(features: Floats) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(features, dtype=np.float32))


def _last(value: torch.Tensor) -> Floats:
    return value[:, -1].numpy().astype(np.float64)
