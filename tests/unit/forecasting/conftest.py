"""Two shares and a currency pair of synthetic prices, and one tiny model that was fitted to them."""

from collections.abc import Iterator, Sequence

import pandas as pd
import pytest
import torch
from synthetic_prices import AS_OF, ignore_epoch, make_history, prepare_all

from forecasting.config import ModelConfig, NetworkConfig, SimulationConfig, TrainingConfig
from forecasting.features.market import compute_market_variance
from forecasting.features.registry import select_features
from forecasting.features.returns import DailyReturns
from forecasting.model.artifact import Model
from forecasting.model.dataset import TickerFeatures, build_ticker_features
from forecasting.pipeline import Forecaster, fit_model
from forecasting.prices.history import PriceHistory


@pytest.fixture(scope="package", autouse=True)
def one_torch_thread() -> Iterator[None]:
    """The networks are tiny: on shared cores further threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def histories() -> list[PriceHistory]:
    """Two shares of different age and a currency pair that also trades at weekends."""
    return [
        make_history("OLD", 460, seed=1),
        make_history("NEW", 300, seed=2),
        make_history("COIN", 400, seed=3, frequency="D"),
    ]


@pytest.fixture(scope="session")
def universe(histories: Sequence[PriceHistory]) -> list[DailyReturns]:
    return prepare_all(histories)


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
def model(universe: Sequence[DailyReturns], tiny_config: ModelConfig) -> Model:
    return fit_model(universe, AS_OF, tiny_config, on_epoch=ignore_epoch)


@pytest.fixture(scope="session")
def market(universe: Sequence[DailyReturns]) -> pd.Series:
    return compute_market_variance(universe)


@pytest.fixture(scope="session")
def tickers(universe: Sequence[DailyReturns], market: pd.Series) -> list[TickerFeatures]:
    return [build_ticker_features(returns, market, select_features(()), lookback=20) for returns in universe]


@pytest.fixture(scope="session")
def forecaster(model: Model, market: pd.Series, tiny_simulation: SimulationConfig) -> Forecaster:
    return Forecaster(model, market, tiny_simulation)
