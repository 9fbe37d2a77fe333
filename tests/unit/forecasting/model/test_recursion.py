"""The same feature code serves history and simulation: simulated closes, read as bars, have its features.

The stub residuals make a path show all that it did: the range of a session is its squared return, as for bars
with a close alone, and the market does exactly what is expected of it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from synthetic_prices import AS_OF
from torch import Tensor

from forecasting.config import SimulationConfig
from forecasting.features.lookback import WINDOW, trailing_windows
from forecasting.features.market import predict_market
from forecasting.features.registry import FEATURES
from forecasting.features.returns import compute_daily_returns
from forecasting.model.artifact import Model, build_network
from forecasting.model.dataset import TickerFeatures, build_ticker_features
from forecasting.model.heads import draw_run_masks
from forecasting.model.network import Masks, Output, expand_masks
from forecasting.model.random_streams import open_stream
from forecasting.model.residuals import ResidualPool
from forecasting.model.simulation import draw_noise, simulate_paths
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.types import Floats

Call = tuple[tuple[Tensor, Masks], Output]  # arguments and result of the network

RUNS, COPIES, HORIZON = 2, 3, 7
CONFIG = SimulationConfig(horizon=HORIZON, dropout_runs=RUNS, noise_paths=COPIES)


@pytest.fixture
def telling_model(model: Model) -> Model:
    """Corrections that enter the paths, and (residual, residual squared, 1) as noise."""
    residual = np.linspace(-2.5, 2.5, 40)
    rows = np.stack([residual, residual**2, np.ones(40)], axis=1)
    network = build_network(model.manifest.config)
    network.load_state_dict(model.network.state_dict())
    torch.nn.init.eye_(network.output.weight)  # after two epochs the recurrent part hardly matters yet
    manifest = model.manifest.model_copy(update={"no_correction": ""})
    pool = ResidualPool(rows, np.full(40, 1 / 40))
    return replace(model, manifest=manifest, network=network.eval(), residuals=pool)


def record(model: Model, ticker: TickerFeatures) -> tuple[Floats, list[Call]]:
    """The paths, and every call of the network: the lookback first, then session by session."""
    calls: list[Call] = []
    handle = model.network.register_forward_hook(lambda _, given, out: calls.append((given, out)))
    paths = simulate_paths(model, ticker, CONFIG, as_of=AS_OF)
    handle.remove()
    return paths, calls


def stack_steps(calls: Sequence[Call]) -> Tensor:
    """(S, H - 1, F) features of the simulated sessions."""
    return torch.cat([given[0] for given, _ in calls[1:]], dim=1)


def extend_history(history: PriceHistory, log_returns: Floats) -> PriceHistory:
    """The history with simulated closes behind it."""
    index = pd.bdate_range(history.bars.index[-1], periods=HORIZON + 1)[1:]
    closes = history.bars["close"].iloc[-1] * np.exp(log_returns)
    bars = pd.concat([history.bars, as_bars(pd.DataFrame({"close": closes}, index=index))])
    return replace(history, bars=bars)


def extend_market(model: Model, market: pd.Series, sessions: pd.DatetimeIndex) -> pd.Series:
    values = market.reindex(sessions, method="ffill").fillna(1.0).to_numpy()[:-HORIZON]
    for _ in range(HORIZON):
        values = np.append(values, predict_market(model.market, trailing_windows(values, WINDOW)[-1]))
    return pd.Series(values, sessions)


@pytest.mark.parametrize("index", [0, 1])
def test_features_on_a_simulated_path_are_those_of_the_history_it_makes(
    index: int,
    telling_model: Model,
    histories: Sequence[PriceHistory],
    tickers: Sequence[TickerFeatures],
    market: pd.Series,
) -> None:
    paths, calls = record(telling_model, tickers[index])
    seen = stack_steps(calls).numpy().reshape(RUNS * COPIES, HORIZON - 1, -1)
    names = [telling_model.manifest.features[index] for index in telling_model.inputs]
    for row, path in enumerate(paths):
        longer = extend_history(histories[index], path)
        returns = compute_daily_returns(longer, "split_adjusted")
        longer_market = extend_market(telling_model, market, longer.bars.index)
        expected = build_ticker_features(returns, longer_market, names, lookback=20).features[-HORIZON:-1]
        np.testing.assert_allclose(seen[row], expected, rtol=1e-5, atol=1e-6)
    moved = np.ptp(seen, axis=(0, 1)) > 0
    still = {name for name, moves in zip(names, moved, strict=True) if not moves}
    reports = {name for name, feature in FEATURES.items() if feature.subject == "report"}
    assert still < reports  # some of those weeks had no news


def test_state_and_masks_are_carried_from_the_lookback_to_the_last_session(
    telling_model: Model, tickers: Sequence[TickerFeatures]
) -> None:
    _, calls = record(telling_model, tickers[0])
    (lookback, masks), _ = calls[0]
    assert lookback.shape[:2] == (RUNS, 20)  # once a dropout run
    whole = torch.cat([lookback.repeat_interleave(COPIES, dim=0), stack_steps(calls)], dim=1)
    with torch.inference_mode():
        twin = telling_model.network.forward(whole, expand_masks(masks, COPIES)).correction
    found = torch.cat([out.correction for _, out in calls[1:]], dim=1)
    torch.testing.assert_close(found, twin[:, 20:])


def test_a_step_is_residual_times_the_scale_of_linear_part_and_correction(
    telling_model: Model, tickers: Sequence[TickerFeatures]
) -> None:
    paths, calls = record(telling_model, tickers[0])
    noise = draw_noise(telling_model.residuals, _stream_after_the_masks(telling_model), CONFIG)
    correction = calls[0][1].correction[:, -1, 0].double().numpy().repeat(COPIES)
    linear = telling_model.log_har.scales(tickers[0].window, (1,))
    np.testing.assert_allclose(paths[:, 0], linear * np.exp(correction) * noise[0, :, 0], rtol=1e-6)


def _stream_after_the_masks(model: Model) -> np.random.Generator:
    stream = open_stream(CONFIG.seed, AS_OF, "OLD")
    draw_run_masks(model, stream, RUNS)
    return stream
