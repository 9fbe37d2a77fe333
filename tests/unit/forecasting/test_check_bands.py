"""The check of bands that are published: what passes, and each fault by itself."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from synthetic_prices import AS_OF

from forecasting.config import SimulationConfig
from forecasting.errors import RungFailedError, UnexpectedError
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast, check_bands
from forecasting.pipeline import Forecaster, forecast_ticker
from forecasting.types import Band, Floats

Change = Callable[[Floats], Floats]


def check(forecast: Forecast, config: SimulationConfig | None = None) -> Forecast:
    """Check against one random walk, the calmest and the wildest at once."""
    cone = forecast.log_returns["random_walk"]
    width = cone[:, -1] - cone[:, 0]
    return check_bands(forecast, config or SimulationConfig(), random_walks=(width, width))


@pytest.fixture(scope="module")
def sound(forecaster: Forecaster, universe: Sequence[DailyReturns]) -> Forecast:
    """A forecast whose calibrated band is exactly the random walk's."""
    forecast = forecast_ticker(forecaster, universe[0], AS_OF)
    cone = forecast.log_returns["random_walk"]
    return replace(forecast, log_returns={**forecast.log_returns, "calibrated": cone, "predictive": cone})


def change(forecast: Forecast, band: Band, changed: Change) -> Forecast:
    quantiles = changed(forecast.log_returns[band].copy())
    return replace(forecast, log_returns={**forecast.log_returns, band: quantiles})


def put(row: int, column: int, value: float) -> Change:
    def changed(quantiles: Floats) -> Floats:
        quantiles[row, column] = value
        return quantiles

    return changed


@pytest.mark.parametrize("factor", [0.34, 1.0, 2.99])
def test_bands_within_a_third_and_three_times_the_random_walks_pass(factor: float, sound: Forecast) -> None:
    forecast = change(sound, "calibrated", lambda quantiles: factor * quantiles)
    assert check(forecast) is forecast


@pytest.mark.parametrize(
    ("factor", "found"), [(0.32, "0.32 times at horizon 1"), (3.01, "3.01 times at horizon 1")]
)
def test_narrower_and_wider_bands_fail_and_the_bounds_are_settings(
    factor: float, found: str, sound: Forecast
) -> None:
    forecast = change(sound, "calibrated", lambda quantiles: factor * quantiles)
    with pytest.raises(RungFailedError, match=f"0.333 to 3 times the random walk's width .* found {found}"):
        check(forecast)
    check(forecast, SimulationConfig(narrowest_band=0.3, widest_band=4))


def test_the_calmest_walk_bounds_from_below_and_the_wildest_from_above(sound: Forecast) -> None:
    cone = sound.log_returns["random_walk"]
    width, config = cone[:, -1] - cone[:, 0], SimulationConfig()
    check_bands(sound, config, random_walks=(2.9 * width, 3.1 * width))
    check_bands(sound, config, random_walks=(0.1 * width, 0.34 * width))
    with pytest.raises(RungFailedError, match=r"found 0\.323 times"):
        check_bands(sound, config, random_walks=(3.1 * width, 3.2 * width))
    with pytest.raises(RungFailedError, match=r"found 3\.12 times"):
        check_bands(sound, config, random_walks=(0.1 * width, 0.32 * width))


def test_one_horizon_is_enough_to_fail(sound: Forecast) -> None:
    forecast = change(sound, "calibrated", put(3, -1, 1.0))
    with pytest.raises(RungFailedError, match="at horizon 4"):
        check(forecast)


@pytest.mark.parametrize("band", ["mc_dropout", "predictive", "calibrated", "random_walk"])
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (put(2, 1, np.nan), "finite quantiles"),
        (put(0, -1, np.inf), "finite quantiles"),
        (put(1, 0, 0.9), "quantiles in order"),
        (put(4, -1, 60.0), "below 1e"),
        (put(4, 0, -800.0), "prices above 0"),
    ],
)
def test_numbers_that_are_no_quantiles_of_a_price_fail_in_every_band(
    band: Band, changed: Change, expected: str, sound: Forecast
) -> None:
    with pytest.raises(RungFailedError, match=f"{expected}.*{band}"):
        check(change(sound, band, changed), SimulationConfig().without_bounds())


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_variances_are_finite_and_not_negative(value: float, sound: Forecast) -> None:
    with pytest.raises(RungFailedError, match="finite noise_variance of 0 or more"):
        check(replace(sound, noise_variance=np.full(5, value)))


def test_returns_that_make_a_model_fail_are_its_fault_and_the_tickers_on_the_last_rung(
    forecaster: Forecaster, universe: Sequence[DailyReturns]
) -> None:
    returns = universe[0]
    broken = replace(
        returns, log_return=np.where(np.arange(len(returns)) == len(returns) - 2, np.inf, returns.log_return)
    )
    with np.errstate(all="ignore"), pytest.raises(RungFailedError, match="for OLD, found"):
        forecast_ticker(replace(forecaster, version="m1"), broken, AS_OF)
    with np.errstate(all="ignore"), pytest.raises(UnexpectedError, match="OLD: expected prices that can be"):
        forecast_ticker(replace(forecaster, model=None), broken, AS_OF)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (put(3, 0, 0.0), "quantiles in order"),
        (put(3, 22, np.nan), "finite quantiles"),
        (put(3, 22, 99.0), "prices"),
    ],
)
def test_the_tails_of_the_calibrated_band_are_checked_too(
    changed: Change, expected: str, sound: Forecast
) -> None:
    assert sound.refined is not None
    with pytest.raises(RungFailedError, match=expected):
        check(replace(sound, refined=changed(sound.refined.copy())))
