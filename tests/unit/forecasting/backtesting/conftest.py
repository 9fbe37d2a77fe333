"""A walk of five horizons over the synthetic tickers, with the tiny model of the folder above."""

from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from forecasting.backtesting.issue import BASELINES, Forecasters

from forecasting.config import SimulationConfig
from forecasting.model.artifact import Model
from forecasting.prices.history import PriceHistory

HORIZONS = (1, 2, 5)
ORIGINS = (date(2024, 5, 14), date(2024, 5, 16), date(2024, 5, 20), date(2024, 5, 22))


@pytest.fixture(scope="package")
def by_ticker(histories: Sequence[PriceHistory]) -> Mapping[str, PriceHistory]:
    return {history.ticker: history for history in histories}


@pytest.fixture(scope="package")
def forecasters(model: Model, tiny_simulation: SimulationConfig) -> Forecasters:
    return Forecasters(model, BASELINES, tiny_simulation, HORIZONS)
