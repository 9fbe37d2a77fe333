"""GARCH(1,1)-t: its variance against a written-out recursion, a fit that finds the truth, its refusals."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from arch.univariate import ConstantMean
from scipy.stats import t as student
from synthetic_prices import returns_of_steps

from forecasting.baselines.garch import DRIFT_KEPT, fit_garch, forecast_garch, simulate_garch
from forecasting.config import SimulationConfig
from forecasting.errors import GarchFitError, MissingExtraError, ShortHistoryError, UsageError
from forecasting.features.returns import DailyReturns
from forecasting.types import Floats

PARAMETERS = np.array([0.05, 0.04, 0.08, 0.9, 6.0])  # in percent


def draw_student_garch(sessions: int, rng: np.random.Generator) -> Floats:
    """Log returns of PARAMETERS."""
    mu, omega, alpha, beta, degrees = PARAMETERS
    variance, log_returns = omega / (1 - alpha - beta), np.empty(sessions)
    for session, shock in enumerate(rng.standard_t(degrees, sessions) * np.sqrt(1 - 2 / degrees)):
        log_returns[session] = mu + np.sqrt(variance) * shock
        variance = omega + alpha * (log_returns[session] - mu) ** 2 + beta * variance
    return log_returns / 100


@pytest.fixture(scope="module")
def returns() -> DailyReturns:
    return returns_of_steps(draw_student_garch(1500, np.random.default_rng(3)))


def test_the_first_session_is_student_with_the_recursive_variance(
    returns: DailyReturns, simulation: SimulationConfig
) -> None:
    mu, omega, alpha, beta, degrees = PARAMETERS
    variance = omega / (1 - alpha - beta)
    for value in 100 * returns.log_return[1:]:
        variance = omega + alpha * (value - mu) ** 2 + beta * variance
    scale = np.sqrt(variance * (1 - 2 / degrees))
    expected = (mu + scale * student.ppf(simulation.levels, degrees)) / 100
    many = simulation.model_copy(update={"noise_paths": 1000, "horizon": 1})
    found = simulate_garch(PARAMETERS, returns, many)[0]
    assert found == pytest.approx(expected, abs=0.03 * scale / 100)


def test_the_fit_finds_the_parameters_that_made_the_data(returns: DailyReturns) -> None:
    mu, _, alpha, beta, degrees = fit_garch(returns)
    assert mu == pytest.approx(DRIFT_KEPT * 0.05, abs=0.03)
    assert alpha == pytest.approx(0.08, abs=0.03)
    assert alpha + beta == pytest.approx(0.98, abs=0.03)
    assert 4 < degrees < 9


def test_the_last_bit_of_a_return_moves_nothing(returns: DailyReturns) -> None:
    upwards = replace(returns, log_return=np.nextafter(returns.log_return, np.inf))
    assert not np.array_equal(upwards.log_return, returns.log_return, equal_nan=True)
    np.testing.assert_array_equal(fit_garch(upwards), fit_garch(returns))


def test_bands_widen_with_the_horizon_and_do_not_cross(
    returns: DailyReturns, simulation: SimulationConfig
) -> None:
    found = forecast_garch(returns, simulation)
    assert found.shape == (10, 5)
    assert (np.diff(found, axis=1) > 0).all()
    assert (np.diff((found[:, -1] - found[:, 0])[[0, 2, 5, 9]]) > 0).all()


def test_the_forecast_depends_on_seed_session_and_ticker_alone(
    returns: DailyReturns, simulation: SimulationConfig
) -> None:
    once = simulate_garch(PARAMETERS, returns, simulation)
    assert (once == simulate_garch(PARAMETERS, returns, simulation)).all()
    later = replace(returns, session=returns.session + np.timedelta64(1, "D"))
    others = [
        simulate_garch(PARAMETERS, replace(returns, ticker="B"), simulation),
        simulate_garch(PARAMETERS, later, simulation),
        simulate_garch(PARAMETERS, returns, simulation.model_copy(update={"seed": 8})),
    ]
    assert all((once != other).any() for other in others)


def test_parameters_of_an_earlier_fit_read_the_newest_returns(
    returns: DailyReturns, simulation: SimulationConfig
) -> None:
    shaken = returns_of_steps(np.append(returns.log_return[1:], -0.12))
    before, after = (simulate_garch(PARAMETERS, each, simulation) for each in (returns, shaken))
    assert (after[0, -1] - after[0, 0]) > 1.5 * (before[0, -1] - before[0, 0])


def test_returns_that_never_vary_have_no_fit(simulation: SimulationConfig) -> None:
    flat = returns_of_steps(np.zeros(300))
    with pytest.raises(GarchFitError, match="fit for A, found returns that never vary; use the random walk"):
        forecast_garch(flat, simulation)


def replace_fit(monkeypatch: pytest.MonkeyPatch, **result: object) -> None:
    """Make up a result of arch: where its optimiser ends on an odd share depends on the machine."""
    monkeypatch.setattr(ConstantMean, "fit", lambda *_, **__: SimpleNamespace(**result))


def test_a_fit_that_does_not_converge_is_an_error(
    returns: DailyReturns, simulation: SimulationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_fit(monkeypatch, convergence_flag=9)
    with pytest.raises(GarchFitError, match="found no convergence \\(code 9"):
        forecast_garch(returns, simulation)


def test_a_fit_that_converges_on_nonsense_is_an_error(
    returns: DailyReturns, simulation: SimulationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_fit(monkeypatch, convergence_flag=0, params=pd.Series([40.0, 0.1, 0.05, 0.9, 5.0]))
    with pytest.raises(GarchFitError, match=r"a drift of \d+\.\d standard deviations a session"):
        forecast_garch(returns, simulation)


def test_a_young_ticker_is_refused(simulation: SimulationConfig) -> None:
    with pytest.raises(ShortHistoryError, match="at least 251 sessions of history, found 250"):
        forecast_garch(returns_of_steps(np.full(249, 0.01)), simulation)


def test_without_arch_the_message_names_the_extra(
    returns: DailyReturns, simulation: SimulationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "arch", None)
    with pytest.raises(
        MissingExtraError, match=r"found none; run `pip install 'bandcast\[garch\]'`"
    ) as caught:
        forecast_garch(returns, simulation)
    assert isinstance(caught.value, UsageError)
