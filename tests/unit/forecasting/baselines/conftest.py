"""A market that is always normal, and the simulation of the baselines."""

import pandas as pd
import pytest

from forecasting.config import SimulationConfig


@pytest.fixture(scope="session")
def simulation() -> SimulationConfig:
    return SimulationConfig(horizon=10, dropout_runs=50, noise_paths=20)


@pytest.fixture(scope="session")
def calm_market() -> pd.Series:
    return pd.Series(1.0, pd.bdate_range("2016-01-01", "2024-12-31").as_unit("s"))
