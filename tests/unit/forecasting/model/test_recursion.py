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

from forecasting.config import ModelConfig, SimulationConfig
from forecasting.features.lookback import WINDOW, trailing_windows
from forecasting.features.market import predict_market
from forecasting.features.registry import FEATURES
from forecasting.features.returns import compute_daily_returns
from forecasting.model.artifact import Model, build_network
from forecasting.model.dataset import TickerFeatures, build_ticker_features
from forecasting.model.network import Masks, Output, expand_masks
from forecasting.model.residuals import ResidualPool
from forecasting.model.simulation import Paths, simulate_paths
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.types import Floats

Call = tuple[tuple[Tensor, Masks], Output]  # arguments and result of the network

RUNS, COPIES, HORIZON = 2, 3, 7
CONFIG = SimulationConfig(horizon=HORIZON, dropout_runs=RUNS, noise_paths=COPIES)


@pytest.fixture
def telling_model(model: Model, tiny_config: ModelConfig) -> Model:
    """No drift, and (residual, residual squared, 1) as noise."""
    residual = np.linspace(-2.5, 2.5, 40)
    rows = np.stack([residual, residual**2, np.ones(40)], axis=1)
    driftless = tiny_config.network.model_copy(update={"location_bound": 0})
    network = build_network(tiny_config.model_copy(update={"network": driftless}))
    network.load_state_dict(model.network.state_dict())
    torch.nn.init.eye_(network.output.weight)  # after two epochs the recurrent part hardly matters yet
    return replace(model, network=network.eval(), residuals=ResidualPool(rows, np.full(40, 1 / 40)))


def record(model: Model, ticker: TickerFeatures) -> tuple[Paths, list[Call]]:
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
    seen = stack_steps(calls).numpy().reshape(RUNS, COPIES + 1, HORIZON - 1, -1)
    names = telling_model.manifest.features
    for run, copy in np.ndindex(RUNS, COPIES):
        longer = extend_history(histories[index], paths.noisy[run, copy])
        returns = compute_daily_returns(longer, "split_adjusted")
        longer_market = extend_market(telling_model, market, longer.bars.index)
        expected = build_ticker_features(returns, longer_market, names, lookback=20).features[-HORIZON:-1]
        np.testing.assert_allclose(seen[run, copy], expected, rtol=1e-5, atol=1e-6)
    moved = np.ptp(seen, axis=(0, 1, 2)) > 0
    still = {name for name, moves in zip(names, moved, strict=True) if not moves}
    reports = {name for name, feature in FEATURES.items() if feature.subject == "report"}
    assert still < reports  # some of those weeks had no news


def test_state_and_masks_are_carried_from_the_lookback_to_the_last_session(
    telling_model: Model, tickers: Sequence[TickerFeatures]
) -> None:
    _, calls = record(telling_model, tickers[0])
    (lookback, masks), _ = calls[0]
    assert lookback.shape[:2] == (RUNS, 20)  # once a dropout run
    copies = COPIES + 1
    whole = torch.cat([lookback.repeat_interleave(copies, dim=0), stack_steps(calls)], dim=1)
    with torch.inference_mode():
        twin = telling_model.network.forward(whole, expand_masks(masks, copies)).log_scale
    log_scale = torch.cat([out.log_scale for _, out in calls[1:]], dim=1)
    torch.testing.assert_close(log_scale, twin[:, 20:])
