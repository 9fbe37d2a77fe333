"""Monte-Carlo dropout times noise paths, session by session, features recomputed on the way.

Masks are kept along a path (Gal & Ghahramani 2016); noise is drawn by rows of past sessions (filtered
historical simulation, Barone-Adesi et al. 1999, with vector residuals).
"""

from datetime import date

import numpy as np
import torch
from numpy.typing import NDArray

from forecasting.config import SimulationConfig
from forecasting.features.lookback import WINDOW, Lookback, ReportWindow
from forecasting.features.market import predict_market
from forecasting.features.registry import compute_features
from forecasting.model.artifact import Model
from forecasting.model.dataset import TickerFeatures
from forecasting.model.heads import as_batch, draw_run_masks, require_live
from forecasting.model.network import Masks, Output, expand_masks, expand_state
from forecasting.model.random_streams import LARGEST_STEP, open_stream
from forecasting.model.residuals import ResidualPool
from forecasting.model.threads import single_thread
from forecasting.types import Floats


def simulate_paths(model: Model, ticker: TickerFeatures, config: SimulationConfig, *, as_of: date) -> Floats:
    """Simulate (S, H) cumulative log returns of S = M * K paths, under the masks of the bands' dropout runs.

    Raises:
        DropoutNotLiveError: The dropout runs do not differ.
    """
    stream = open_stream(config.seed, as_of, ticker.ticker)
    runs, copies = config.dropout_runs, config.noise_paths
    masks = draw_run_masks(model, stream, runs)
    noise = draw_noise(model.residuals, stream, config)
    lookback = ticker.features[-model.manifest.config.training.lookback :, model.inputs]
    with single_thread(), torch.inference_mode():
        encoded = model.network(as_batch(np.broadcast_to(lookback, (runs, *lookback.shape))), masks)
        require_live(encoded.correction[:, -1].numpy(), masks, ticker.ticker)
        correction = encoded.correction[:, -1:].repeat_interleave(copies, dim=0)
        first = Output(correction, expand_state(encoded.state, copies))
        return _roll_forward(model, ticker.window, first, masks=expand_masks(masks, copies), noise=noise)


def draw_noise(pool: ResidualPool, stream: np.random.Generator, config: SimulationConfig) -> Floats:
    """Return the (H, S, 3) rows of the pool.

    Each session's rows are a Latin hypercube sample (McKay et al. 1979): one from each of S equally likely
    strata of the sorted residuals, in random order over the paths. It takes most of the noise out of the
    quantiles that S free draws would have.
    """
    cumulative, paths = np.cumsum(pool.weights), config.dropout_runs * config.noise_paths
    order = stream.permuted(np.tile(np.arange(paths), (config.horizon, 1)), axis=1)
    strata = order + stream.random((config.horizon, paths))
    drawn: NDArray[np.int64] = np.searchsorted(cumulative, strata / paths * cumulative[-1], side="right")
    return pool.rows[np.minimum(drawn, len(pool.rows) - 1)]


def _roll_forward(model: Model, start: Lookback, out: Output, *, masks: Masks, noise: Floats) -> Floats:
    """(S, H) cumulative log returns of S rows, starting from the encoder output for the first session."""
    horizon, rows, _ = noise.shape
    channels = (start.returns, start.ranges, start.market, start.surprises)
    reports = None if start.reports is None else _extend_reports(start.reports, horizon)
    path = Lookback(*(_with_room(channel, rows, horizon) for channel in channels), reports=reports)
    window = path[:, :WINDOW]
    features = compute_features(window, model.manifest.features)  # (S, F)
    for step in range(horizon):
        log_scale = model.log_har.log_scales(features, window, (1,))[:, 0]
        scale = window.volatility * np.exp(log_scale + model.manifest.correction_weight * _last(out))
        residual, range_ratio, market_ratio = noise[step].T
        path.returns[:, WINDOW + step] = np.clip(scale * residual, -LARGEST_STEP, LARGEST_STEP)
        path.ranges[:, WINDOW + step] = range_ratio * scale**2
        path.market[:, WINDOW + step] = market_ratio * predict_market(model.market, window.market)
        window = path[:, step + 1 : step + 1 + WINDOW]
        if step + 1 < horizon:
            features = compute_features(window, model.manifest.features)
            out = model.network(as_batch(features[:, None, model.inputs]), masks, out.state)
    return np.cumsum(path.returns[:, WINDOW:], axis=1)


def _with_room(channel: Floats, rows: int, horizon: int) -> Floats:
    """(S, W + H): the history in each row, and room for the simulated sessions; they have no surprises."""
    room = np.full((rows, WINDOW + horizon), np.nan)
    room[:, :WINDOW] = channel
    return room


def _extend_reports(reports: ReportWindow, horizon: int) -> ReportWindow:
    """(1, W + H) reports of the history and of the simulated sessions: those were ahead of it."""
    weights = np.concatenate([reports.weights, reports.ahead[:horizon]])
    return ReportWindow(weights[None], reports.ahead[None], np.array([reports.size]))


def _last(out: Output) -> Floats:
    """(S,) correction of the next session."""
    return out.correction[:, -1, 0].numpy().astype(np.float64)
