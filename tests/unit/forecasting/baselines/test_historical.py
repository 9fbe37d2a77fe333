"""Filtered historical simulation: by hand, against a path-by-path twin, and by what it must not do."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from forecasting.baselines.past import past_of

from forecasting.baselines.historical import _roll, filtered_historical, standardised_residuals
from forecasting.errors import ShortHistoryError
from forecasting.features.lookback import WARM_UP
from forecasting.model.residuals import LARGEST_RESIDUAL
from forecasting.model.simulation import LARGEST_STEP


def test_residuals_of_returns_of_one_size_are_ones(make_bars, calm_market):
    past = past_of("A", make_bars(np.tile([0.02, -0.02], 200)), calm_market)
    assert standardised_residuals(past)[-4:] == pytest.approx([1, -1, 1, -1], abs=0.01)


def test_residuals_are_over_the_volatility_of_the_session_before(past):
    weights = 0.94 ** np.arange(WARM_UP)[::-1]
    squares = past.returns[-(WARM_UP + 1) : -1] ** 2
    residuals = standardised_residuals(past)
    assert len(residuals) == len(past.returns) - WARM_UP
    volatilities = [
        np.sqrt((squares * weights).sum() / weights.sum()),
        np.sqrt((past.returns[-(WARM_UP + 2) : -2] ** 2 * weights).sum() / weights.sum()),
    ]
    step = past.returns[-1] / volatilities[0] - past.returns[-2] / volatilities[1]
    assert residuals[-1] - residuals[-2] == pytest.approx(step)
    assert residuals.mean() == pytest.approx(0, abs=1e-12)


def test_the_roll_against_one_path_at_a_time():
    drawn = np.random.default_rng(1).standard_t(3, (7, 4))
    for path in range(4):
        variance, total = 0.02**2, 0.0
        for step in range(7):
            change = variance**0.5 * drawn[step, path]
            total += change
            variance = 0.94 * variance + 0.06 * change**2
            assert _roll(0.02, drawn)[step, path] == pytest.approx(total)


def test_no_path_leaves_the_floats():
    assert np.abs(np.diff(_roll(0.5, np.full((30, 2), 20.0)), axis=0)).max() <= LARGEST_STEP + 1e-12


def test_normal_residuals_give_the_quantiles_of_the_normal(make_bars, calm_market, simulation):
    returns = np.random.default_rng(6).normal(0, 0.01, 1100)
    past = past_of("A", make_bars(returns), calm_market)
    many = simulation.model_copy(update={"noise_paths": 400})
    relative = filtered_historical(past, many)[0] / past.window.volatility
    assert relative == pytest.approx([-1.68, -0.68, 0, 0.68, 1.68], abs=0.12)


def test_the_answer_depends_on_seed_session_and_ticker_alone(past, simulation):
    once = filtered_historical(past, simulation)
    assert (once == filtered_historical(past, simulation)).all()
    others = [
        filtered_historical(past, simulation.model_copy(update={"seed": 8})),
        filtered_historical(replace(past, ticker="NEW"), simulation),
        filtered_historical(replace(past, as_of=date(2020, 1, 2)), simulation),
    ]
    assert all((once != other).any() for other in others)


def test_one_jump_of_a_halted_share_does_not_become_a_drift(make_bars, calm_market, simulation):
    returns = np.zeros(600)
    returns[300] = 0.1
    past = past_of("A", make_bars(returns), calm_market)
    assert standardised_residuals(past).max() <= LARGEST_RESIDUAL
    assert np.abs(filtered_historical(past, simulation)[0]).max() < 0.001


def test_a_flat_series_stays_flat(make_bars, calm_market, simulation):
    past = past_of("A", make_bars(np.zeros(400)), calm_market)
    assert (filtered_historical(past, simulation) == 0).all()


def test_a_young_ticker_is_refused(make_bars, calm_market, simulation):
    past = past_of("A", make_bars(np.full(312, 0.01)), calm_market)
    with pytest.raises(ShortHistoryError, match="at least 314 sessions of history, found 313"):
        filtered_historical(past, simulation)
