"""Paths mapped to the bands, and the odds of touches and drawdowns measured on them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from synthetic_prices import AS_OF

from forecasting.calibration import Calibration
from forecasting.config import CALIBRATED_LEVELS, TOUCH_MOVES, SimulationConfig
from forecasting.features.returns import DailyReturns
from forecasting.model.log_har import RESIDUAL_LEVELS
from forecasting.model.odds import calibrate_finely, couple_paths, measure_odds, refine_calibrated
from forecasting.pipeline import Forecaster, forecast_ticker

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
FINE = np.array(RESIDUAL_LEVELS)
AT_LEVELS = [CALIBRATED_LEVELS.index(level) for level in LEVELS]
UP, DOWN = TOUCH_MOVES.index(0.1), TOUCH_MOVES.index(-0.1)


def test_touches_and_drawdowns_by_hand() -> None:
    closes = np.ones((4, 10))
    closes[0, 2] = 1.101  # touched on the way, and back again: a fall by a tenth
    closes[1, 7:] = 0.85
    closes[2, 0], closes[2, 9] = 1.05, 0.84
    found = measure_odds(np.log(closes), (0.5, 1.0))
    assert found.within == (5, 10)
    assert found.touch[:, UP].tolist() == [0.25, 0.25]
    assert found.touch[:, DOWN].tolist() == [0.0, 0.5]
    falls = np.array([[1 - 1 / 1.101, 0, 1 - 1 / 1.05, 0], [1 - 1 / 1.101, 0.15, 0.2, 0]])
    np.testing.assert_allclose(found.drawdown, np.quantile(falls, (0.5, 1.0), axis=1).T)


def test_odds_grow_with_the_sessions_and_shrink_with_the_move() -> None:
    steps = 0.02 * np.random.default_rng(1).standard_normal((4000, 30))
    found = measure_odds(np.cumsum(steps, axis=1), LEVELS)
    assert (np.diff(found.touch, axis=0) >= 0).all()
    assert (np.diff(found.touch[:, UP - 2 :], axis=1) <= 0).all()
    assert (np.diff(found.drawdown, axis=0) >= 0).all()
    assert (np.diff(found.drawdown, axis=1) >= 0).all()
    # Reflection: a random walk touches a level twice as often as it ends beyond it, but for the overshoot of
    # its last step (Broadie, Glasserman & Kou 1997).
    ends = (steps.sum(axis=1) >= np.log(1.1) + 0.5826 * 0.02).mean()
    assert found.touch[-1, UP] == pytest.approx(2 * ends, abs=0.02)


def test_coupled_paths_have_the_quantiles_of_the_bands_and_the_ranks_that_they_had() -> None:
    rng = np.random.default_rng(2)
    paths = np.cumsum(rng.standard_t(4, (1000, 3)), axis=1)
    bands = np.sort(rng.normal(0, 1, (3, 99)), axis=1)
    coupled = couple_paths(paths, bands)
    np.testing.assert_array_equal(np.argsort(coupled, axis=0), np.argsort(paths, axis=0))
    inner = np.quantile(coupled, FINE[1:-1], axis=0, method="hazen").T
    np.testing.assert_allclose(inner, bands[:, 1:-1], atol=0.02)
    assert (coupled.min(axis=0) < bands[:, 0]).all()
    assert (coupled.max(axis=0) > bands[:, -1]).all()


def test_paths_that_have_the_quantiles_already_stay() -> None:
    levels = (np.arange(1000) + 0.5) / 1000
    paths = np.stack([levels, 3 * levels], axis=1)
    np.testing.assert_allclose(couple_paths(paths, np.stack([FINE, 3 * FINE])), paths, atol=2e-3)


def test_quantiles_equal_to_the_median_stay_there() -> None:
    """As of a universe in which one share stands still: a part of the distribution is a single value."""
    fine = np.where(abs(FINE - 0.5) < 0.3, 0.0, FINE - 0.5)[None]
    predictive = fine[:, [RESIDUAL_LEVELS.index(level) for level in LEVELS]]
    found = calibrate_finely(fine, predictive, 2 * predictive, levels=LEVELS)
    assert (found[fine == 0] == 0).all()
    np.testing.assert_allclose(
        found[0, [RESIDUAL_LEVELS.index(level) for level in LEVELS]], 2 * predictive[0]
    )


def test_fine_quantiles_agree_with_the_calibrated_band_at_its_levels() -> None:
    fine = np.stack([FINE - 0.45, 2 * (FINE - 0.45)])
    index = [RESIDUAL_LEVELS.index(level) for level in LEVELS]
    predictive = fine[:, index]
    median = predictive[:, 2:3]
    calibrated = median + (predictive - median) * np.array([1.5, 1.2, 1.0, 1.1, 1.3])
    found = calibrate_finely(fine, predictive, calibrated, levels=LEVELS)
    np.testing.assert_allclose(found[:, index], calibrated)
    assert (np.diff(found, axis=1) >= 0).all()
    beyond = (found[:, 0] - median[:, 0]) / (fine[:, 0] - median[:, 0])
    np.testing.assert_allclose(beyond, 1.5)
    np.testing.assert_allclose(
        calibrate_finely(fine, predictive, predictive, levels=LEVELS), fine, atol=1e-12
    )


def test_refined_quantiles_are_those_of_the_band_bit_for_bit_and_never_cross() -> None:
    rng = np.random.default_rng(5)
    wide = np.sort(rng.standard_t(3, (400, len(CALIBRATED_LEVELS))), axis=1)
    predictive = wide[:, AT_LEVELS]
    median = predictive[:, 2:3]
    calibrated = median + (predictive - median) * np.exp(rng.uniform(-1, 1, (400, 2)))[:, [0, 0, 0, 1, 1]]
    found = refine_calibrated(wide, predictive, calibrated, levels=LEVELS)
    np.testing.assert_array_equal(found[:, AT_LEVELS], calibrated)
    assert (np.diff(found, axis=1) >= 0).all()
    # Beyond the edges the tails keep their shape: as far from the median, in units of the edge, as before.
    np.testing.assert_allclose(
        (found[:, [0, -1]] - median) / (calibrated[:, [0, -1]] - median),
        (wide[:, [0, -1]] - median) / (predictive[:, [0, -1]] - median),
    )


def test_every_rung_refines_its_calibrated_band(
    simulating: Forecaster, universe: Sequence[DailyReturns]
) -> None:
    wider = Calibration(np.full((2, 10), np.log(1.5)), {}, np.zeros((3, 2, 10)), pooled=np.full(10, 9.0))
    for rung in (replace(simulating, calibration=wider, simulates=False), replace(simulating, model=None)):
        found = forecast_ticker(rung, universe[0], AS_OF)
        assert found.refined is not None
        np.testing.assert_array_equal(found.refined[:, AT_LEVELS], found.log_returns["calibrated"])
        steps = np.diff(found.refined, axis=1)
        assert (steps >= 0).all()
        assert (steps[:, [0, 1, -2, -1]] > 0).all()  # 1, 2.5 and 5 % apart, and 95, 97.5 and 99 %


@pytest.fixture(scope="module")
def simulating(forecaster: Forecaster) -> Forecaster:
    config = SimulationConfig(horizon=10, dropout_runs=20, noise_paths=50)
    return replace(forecaster, simulation=config, simulates=True)


def test_a_forecast_with_odds_has_the_same_bands(
    simulating: Forecaster, universe: Sequence[DailyReturns]
) -> None:
    plain = forecast_ticker(replace(simulating, simulates=False), universe[0], AS_OF)
    found = forecast_ticker(simulating, universe[0], AS_OF)
    assert plain.odds is None
    assert found.odds is not None
    assert found.odds.within == (5, 10)
    for band, quantiles in plain.log_returns.items():
        np.testing.assert_array_equal(found.log_returns[band], quantiles)


def test_the_odds_follow_the_calibration_of_the_bands(
    simulating: Forecaster, universe: Sequence[DailyReturns]
) -> None:
    wider = Calibration(np.full((2, 10), np.log(2)), {}, np.zeros((3, 2, 10)), pooled=np.full(10, 9.0))
    plain, found = (
        forecast_ticker(each, universe[0], AS_OF).odds
        for each in (simulating, replace(simulating, calibration=wider))
    )
    assert plain is not None
    assert found is not None
    assert (found.touch >= plain.touch).all()
    assert (found.drawdown[:, -1] > 1.5 * plain.drawdown[:, -1]).all()


def test_a_forecast_of_fewer_sessions_than_any_odds_span_has_none(
    simulating: Forecaster, universe: Sequence[DailyReturns]
) -> None:
    short = simulating.simulation.model_copy(update={"horizon": 4})
    found = forecast_ticker(replace(simulating, simulation=short), universe[0], AS_OF)
    assert found.odds is None


def test_a_baseline_has_no_paths(simulating: Forecaster, universe: Sequence[DailyReturns]) -> None:
    assert forecast_ticker(replace(simulating, model=None), universe[0], AS_OF).odds is None
