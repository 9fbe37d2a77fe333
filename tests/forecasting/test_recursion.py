"""The same feature code serves history and simulation: simulated closes, read as history, have its features.

The stub pool makes a path tell all that it did: the range of a session is its squared return, as for bars with
a close alone, and the market does exactly what is expected of it.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.adjustment import adjust
from forecasting.config import SimulationConfig
from forecasting.market import predict_market
from forecasting.model import NoisePool, new_network
from forecasting.prices import as_bars
from forecasting.series import build_series
from forecasting.simulate import simulate
from forecasting.trailing import WINDOW, windows_of

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
    return replace(model, network=network.eval(), noise=noise)


def recorded(model, series):
    """The paths, and the features that the network was shown at each simulated session: (H - 1, S, F)."""
    seen = []
    handle = model.network.register_forward_pre_hook(lambda _, given: seen.append(given[0].numpy()))
    paths = simulate(model, series, CONFIG, "2024-06-05")
    handle.remove()
    assert seen[0].shape[:2] == (RUNS, 20)  # the lookback, once a dropout run
    return paths, np.concatenate(seen[1:], axis=1).transpose(1, 0, 2)


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
    paths, seen = recorded(telling_model, series[place])
    seen = seen.reshape(HORIZON - 1, RUNS, COPIES + 1, -1)
    names = telling_model.manifest.features
    for run, copy in np.ndindex(RUNS, COPIES):
        longer = extended(bars, paths.noisy[run, copy])
        known = extended_market(telling_model, market, longer.index)
        expected = build_series(history.ticker, longer, known, names, 20).features[-HORIZON:-1]
        np.testing.assert_allclose(seen[:, run, copy], expected, rtol=1e-5, atol=1e-6)
    assert (np.ptp(seen, axis=(0, 1, 2)) > 0).all()  # no feature stands still along the path
