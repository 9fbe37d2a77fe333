"""GARCH(1,1)-t: its variance against a written-out recursion, a fit that finds the truth, its refusals."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from forecasting.baselines.past import past_of
from scipy.stats import t as student

from forecasting.baselines import garch as module
from forecasting.baselines.garch import Garch, fit_garch, garch
from forecasting.errors import GarchFitError, MissingExtraError, ShortHistoryError, UsageError

PARAMETERS = np.array([0.05, 0.04, 0.08, 0.9, 6.0])  # in percent


def student_garch(sessions, rng):
    """Log returns of PARAMETERS."""
    mu, omega, alpha, beta, degrees = PARAMETERS
    variance, returns = omega / (1 - alpha - beta), np.empty(sessions)
    for session, shock in enumerate(rng.standard_t(degrees, sessions) * np.sqrt(1 - 2 / degrees)):
        returns[session] = mu + np.sqrt(variance) * shock
        variance = omega + alpha * (returns[session] - mu) ** 2 + beta * variance
    return returns / 100


@pytest.fixture(scope="module")
def student_past(make_bars, calm_market):
    return past_of("A", make_bars(student_garch(1500, np.random.default_rng(3))), calm_market)


def test_the_first_session_is_student_with_the_recursive_variance(student_past, simulation):
    mu, omega, alpha, beta, degrees = PARAMETERS
    variance = omega / (1 - alpha - beta)
    for value in 100 * student_past.returns:
        variance = omega + alpha * (value - mu) ** 2 + beta * variance
    scale = np.sqrt(variance * (1 - 2 / degrees))
    expected = (mu + scale * student.ppf(simulation.levels, degrees)) / 100
    many = simulation.model_copy(update={"noise_paths": 1000, "horizon": 1})
    assert Garch(PARAMETERS)(student_past, many)[0] == pytest.approx(expected, abs=0.03 * scale / 100)


def test_the_fit_finds_the_parameters_that_made_the_data(student_past):
    mu, _, alpha, beta, degrees = fit_garch(student_past).parameters
    assert mu == pytest.approx(module.DRIFT_KEPT * 0.05, abs=0.03)
    assert alpha == pytest.approx(0.08, abs=0.03)
    assert alpha + beta == pytest.approx(0.98, abs=0.03)
    assert 4 < degrees < 9


def test_bands_widen_with_the_horizon_and_do_not_cross(student_past, simulation):
    found = garch(student_past, simulation)
    assert found.shape == (10, 5)
    assert (np.diff(found, axis=1) > 0).all()
    assert (np.diff((found[:, -1] - found[:, 0])[[0, 2, 5, 9]]) > 0).all()


def test_the_answer_depends_on_seed_session_and_ticker_alone(student_past, simulation):
    model = Garch(PARAMETERS)
    once = model(student_past, simulation)
    assert (once == model(student_past, simulation)).all()
    assert (once != model(replace(student_past, ticker="B"), simulation)).any()
    assert (once != model(student_past, simulation.model_copy(update={"seed": 8}))).any()


def test_parameters_of_an_earlier_fit_read_the_newest_returns(student_past, simulation):
    shaken = replace(student_past, returns=np.append(student_past.returns, -0.12))
    before, after = (Garch(PARAMETERS)(one, simulation) for one in (student_past, shaken))
    assert (after[0, -1] - after[0, 0]) > 1.5 * (before[0, -1] - before[0, 0])


def test_returns_that_never_vary_have_no_fit(make_bars, calm_market, simulation):
    past = past_of("A", make_bars(np.zeros(300)), calm_market)
    with pytest.raises(GarchFitError, match="fit for A, found returns that never vary; use the random walk"):
        garch(past, simulation)


def test_a_fit_that_does_not_converge_is_an_error(student_past, simulation, monkeypatch):
    stuck = SimpleNamespace(fit=lambda **_: SimpleNamespace(convergence_flag=9))
    monkeypatch.setattr(module, "_model", lambda _: stuck)
    with pytest.raises(GarchFitError, match="found no convergence \\(code 9"):
        garch(student_past, simulation)


def test_a_fit_that_converges_on_nonsense_is_an_error(student_past, simulation, monkeypatch):
    # Where the optimiser ends on a share that hardly trades depends on the machine, so its word is made up.
    nonsense = SimpleNamespace(convergence_flag=0, params=pd.Series([40.0, 0.1, 0.05, 0.9, 5.0]))
    monkeypatch.setattr(module, "_model", lambda _: SimpleNamespace(fit=lambda **_: nonsense))
    with pytest.raises(GarchFitError, match=r"a drift of \d+\.\d standard deviations a session"):
        garch(student_past, simulation)


def test_a_young_ticker_is_refused(make_bars, calm_market, simulation):
    past = past_of("A", make_bars(np.full(249, 0.01)), calm_market)
    with pytest.raises(ShortHistoryError, match="at least 251 sessions of history, found 250"):
        garch(past, simulation)


def test_without_arch_the_message_names_the_extra(student_past, simulation, monkeypatch):
    monkeypatch.setitem(sys.modules, "arch", None)
    with pytest.raises(
        MissingExtraError, match=r"found none; run `pip install 'bandcast\[garch\]'`"
    ) as caught:
        garch(student_past, simulation)
    assert isinstance(caught.value, UsageError)
