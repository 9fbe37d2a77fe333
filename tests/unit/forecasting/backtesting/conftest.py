"""A walk of three horizons over the synthetic tickers, with the tiny model of the folder above."""

from collections.abc import Mapping, Sequence

import pytest

from forecasting.backtesting.walk_forward import BASELINES, Methods
from forecasting.features.returns import DailyReturns
from forecasting.pipeline import Forecaster


@pytest.fixture(scope="session")
def by_ticker(universe: Sequence[DailyReturns]) -> Mapping[str, DailyReturns]:
    return {returns.ticker: returns for returns in universe}


@pytest.fixture(scope="session")
def methods(forecaster: Forecaster) -> Methods:
    return Methods(forecaster, BASELINES, (1, 2, 5))
