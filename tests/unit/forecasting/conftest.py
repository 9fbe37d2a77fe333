"""Synthetic prices with clustered volatility, and one tiny model that was fitted to them."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import numpy as np
import pandas as pd
import pytest
import torch

from forecasting.config import ModelConfig, NetworkConfig, SimulationConfig, TrainingConfig
from forecasting.features.registry import FEATURES
from forecasting.model.artifact import Model
from forecasting.model.dataset import TickerSeries, build_series
from forecasting.pipeline import fit_model, market_of
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory, as_actions, as_bars

AS_OF = date(2024, 6, 5)
MakeHistory = Callable[..., PriceHistory]


def clustered_returns(sessions: int, rng: np.random.Generator) -> np.ndarray:
    """GARCH(1,1) log returns, about 1.6 % a session."""
    variance, returns = 2.5e-4, np.empty(sessions)
    for session, shock in enumerate(rng.standard_normal(sessions)):
        returns[session] = np.sqrt(variance) * shock
        variance = 5e-6 + 0.14 * returns[session] ** 2 + 0.84 * variance
    return returns


def synthetic_history(ticker: str, sessions: int, seed: int, frequency: str = "B") -> PriceHistory:
    rng = np.random.default_rng(seed)
    index = pd.date_range(end=AS_OF, periods=sessions, freq=frequency)
    close = 100 * np.exp(np.cumsum(clustered_returns(sessions, rng)))
    opened = np.append(100.0, close[:-1]) * np.exp(rng.normal(0, 0.004, sessions))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0, 0.005, sessions)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0, 0.005, sessions)))
    volume = 1e6 * np.exp(rng.normal(0, 1.5, sessions))
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
    return PriceHistory(
        ticker, as_bars(pd.DataFrame(columns, index=index)), as_actions(pd.DataFrame(index=index[:0]))
    )


@pytest.fixture(scope="package", autouse=True)
def one_torch_thread() -> Iterator[None]:
    """The networks are tiny: on shared cores further threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def make_history() -> MakeHistory:
    return synthetic_history


@pytest.fixture(scope="session")
def histories() -> list[PriceHistory]:
    """Two shares of different age and a currency pair that also trades at weekends."""
    return [
        synthetic_history("OLD", 460, seed=1),
        synthetic_history("NEW", 300, seed=2),
        synthetic_history("COIN", 400, seed=3, frequency="D"),
    ]


@pytest.fixture(scope="session")
def tiny_config() -> ModelConfig:
    """Its seed keeps a few units of the head alive for every ticker; of eight ReLUs all may be dead."""
    return ModelConfig(
        network=NetworkConfig(hidden=8, layers=2, head=(8, 8)),
        training=TrainingConfig(
            lookback=20, segment=20, history_sessions=300, max_epochs=2, batch_size=16, seed=8
        ),
    )


@pytest.fixture(scope="session")
def tiny_simulation() -> SimulationConfig:
    return SimulationConfig(horizon=5, dropout_runs=4, noise_paths=3)


@pytest.fixture(scope="session")
def model(histories: Sequence[PriceHistory], tiny_config: ModelConfig) -> Model:
    return fit_model(histories, AS_OF, tiny_config, lambda *_: None)


@pytest.fixture(scope="session")
def market(histories: Sequence[PriceHistory]) -> pd.Series:
    return market_of(histories, AS_OF, "split_adjusted")


@pytest.fixture(scope="session")
def series(histories: Sequence[PriceHistory], market: pd.Series) -> list[TickerSeries]:
    return [
        build_series(one.ticker, adjust(one, AS_OF, "split_adjusted"), market, tuple(FEATURES), 20)
        for one in histories
    ]
