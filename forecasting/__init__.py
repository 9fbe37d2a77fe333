"""The core: a price history goes in, a forecast comes out, and nothing in between touches the world.

The public verbs and values; each is imported when it is first used, because torch takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecasting.config import CalibrationConfig, ModelConfig, PromotionConfig, SimulationConfig
    from forecasting.errors.base import BandcastError
    from forecasting.features.preparation import prepare_returns
    from forecasting.features.returns import DailyReturns
    from forecasting.forecast import Forecast
    from forecasting.pipeline import Forecaster, fit_model, forecast_ticker
    from forecasting.prices.history import PriceHistory

_NAMES = {
    "config": "CalibrationConfig ModelConfig PromotionConfig SimulationConfig",
    "errors.base": "BandcastError",
    "features.preparation": "prepare_returns",
    "features.returns": "DailyReturns",
    "forecast": "Forecast",
    "pipeline": "Forecaster fit_model forecast_ticker",
    "prices.history": "PriceHistory",
}
_HOMES = {name: f"forecasting.{module}" for module, names in _NAMES.items() for name in names.split()}
__all__ = [
    "BandcastError",
    "CalibrationConfig",
    "DailyReturns",
    "Forecast",
    "Forecaster",
    "ModelConfig",
    "PriceHistory",
    "PromotionConfig",
    "SimulationConfig",
    "fit_model",
    "forecast_ticker",
    "prepare_returns",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forecasting' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
