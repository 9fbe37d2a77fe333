"""The same feature code serves history and simulation: simulated closes, read as bars, have its features.

The stub pool makes a path tell all that it did: the range of a session is its squared return, as for bars
with a close alone, and the market does exactly what is expected of it.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from forecasting.config import SimulationConfig
from forecasting.features.lookback import WINDOW, windows_of
from forecasting.features.market import predict_market
from forecasting.features.registry import QUARTER_FEATURES
from forecasting.model.artifact import NoisePool, new_network
from forecasting.model.dataset import build_series
from forecasting.model.network import expand_masks
from forecasting.model.simulation import simulate
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import as_bars

RUNS, COPIES, HORIZON = 2, 3, 7
CONFIG = SimulationConfig(horizon=HORIZON, dropout_runs=RUNS, noise_paths=COPIES)


@pytest.fixture
def telling_model(model, tiny_config):
    """No drift, and (residual, residual squared, 1) as noise."""
    residual = np.linspace(-2.5, 2.5, 40)
    noise = NoisePool(np.stack([residual, residual**2, np.ones(40)], axis=1), np.full(40, 1 / 40))
    driftless = tiny_config.network.model_copy(update={"location_bound": 0})
    network = new_network(tiny_config.model_copy(update={"network": driftless}))
    network.load_state_dict(model.network.state_dict())
    torch.nn.init.eye_(network.output.weight)  # after two epochs the recurrent part hardly speaks yet
    return replace(model, network=network.eval(), noise=noise)


def recorded(model, series):
    """The paths, and what the network was shown and said: the lookback first, then session by session."""
    calls = []
    handle = model.network.register_forward_hook(lambda _, given, out: calls.append((given, out)))
    paths = simulate(model, series, CONFIG, "2024-06-05")
    handle.remove()
    return paths, calls


def stepped(calls):
    """(S, H - 1, F) features of the simulated sessions."""
    return torch.cat([given[0] for given, _ in calls[1:]], dim=1)


def extended(bars, log_returns):
    """The bars with simulated closes behind them."""
    index = pd.bdate_range(bars.index[-1], periods=HORIZON + 1)[1:]
    closes = bars["close"].iloc[-1] * np.exp(log_returns)
    return pd.concat([bars, as_bars(pd.DataFrame({"close": closes}, index=index))])


def extended_market(model, market, sessions):
    values = market.reindex(sessions, method="ffill").fillna(1.0).to_numpy()[:-HORIZON]
    for _ in range(HORIZON):
        values = np.append(values, predict_market(model.market, windows_of(values, WINDOW)[-1]))
    return pd.Series(values, sessions)


@pytest.mark.parametrize("place", [0, 1])
def test_features_on_a_simulated_path_are_those_of_the_history_it_makes(
    place, telling_model, histories, series, market
):
    history = histories[place]
    bars = adjust(history, history.last_session, "split_adjusted")
    paths, calls = recorded(telling_model, series[place])
    seen = stepped(calls).numpy().reshape(RUNS, COPIES + 1, HORIZON - 1, -1)
    names = telling_model.manifest.features
    for run, copy in np.ndindex(RUNS, COPIES):
        longer = extended(bars, paths.noisy[run, copy])
        known = extended_market(telling_model, market, longer.index)
        expected = build_series(history.ticker, longer, known, names, 20).features[-HORIZON:-1]
        np.testing.assert_allclose(seen[run, copy], expected, rtol=1e-5, atol=1e-6)
    stands_still = {
        name for name, moved in zip(names, np.ptp(seen, axis=(0, 1, 2)), strict=True) if not moved
    }
    assert stands_still < QUARTER_FEATURES.keys()  # some of those weeks had no news


def test_state_and_masks_are_carried_from_the_lookback_to_the_last_session(telling_model, series):
    _, calls = recorded(telling_model, series[0])
    (lookback, masks), _ = calls[0]
    assert lookback.shape[:2] == (RUNS, 20)  # once a dropout run
    copies = COPIES + 1
    whole = torch.cat([lookback.repeat_interleave(copies, dim=0), stepped(calls)], dim=1)
    with torch.inference_mode():
        twin = telling_model.network.forward(whole, expand_masks(masks, copies)).log_scale
    said = torch.cat([out.log_scale for _, out in calls[1:]], dim=1)
    torch.testing.assert_close(said, twin[:, 20:])
