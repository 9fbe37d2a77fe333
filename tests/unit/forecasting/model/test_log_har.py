"""Pooled log-HAR: outcomes by hand, the fit against scipy, and nothing from the future."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from forecasting.baselines.past import past_of
from scipy.optimize import minimize
from scipy.stats import t as student

from forecasting.baselines.random_walk import random_walk
from forecasting.config import SimulationConfig
from forecasting.errors import ModelError
from forecasting.features.earnings import QUARTER
from forecasting.features.lookback import WINDOW
from forecasting.features.registry import FEATURES, MARKET_FEATURES, QUARTER_FEATURES, compute_features
from forecasting.model import log_har as har
from forecasting.model.dataset import build_series
from forecasting.model.log_har import LEVELS, Har, HarConfig, fit_har
from forecasting.model.residuals import expected_mean
from forecasting.prices.adjustment import adjust

SHORT = SimulationConfig(horizon=3)
NAMES = tuple(FEATURES)


@pytest.fixture(scope="module")
def training(histories, market):
    bars = {one.ticker: adjust(one, one.last_session, "split_adjusted") for one in histories}
    return [build_series(ticker, frame, market, NAMES, 1) for ticker, frame in bars.items()]


@pytest.fixture(scope="module")
def fitted(training):
    return fit_har(training, NAMES, HarConfig(), 3)


def cut(series, sessions):
    """The series as it stood `sessions` earlier, but for a value that a careless reader would take."""
    kept = len(series) - sessions
    return replace(
        series,
        sessions=series.sessions[:kept],
        features=series.features[:kept],
        volatility=series.volatility[:kept],
        target=series.target[:kept],
        windows=series.windows[:kept],
    )


def test_outcomes_by_hand(training):
    series = replace(
        cut(training[0], len(training[0]) - 4),
        volatility=np.array([0.01, 0.02, 0.01, 0.04]),
        target=np.array([1.0, -2.0, 3.0, 99.0]),  # next session's; the last one is not known yet
    )
    features, outcome, sessions = har._known(series, NAMES, 2)
    assert outcome == pytest.approx([-0.03 / (0.01 * 2**0.5), -0.01 / (0.02 * 2**0.5)])
    assert (len(features), len(sessions)) == (2, 2)
    assert har._known(series, NAMES, 3)[1] == pytest.approx([0.0], abs=1e-12)
    assert len(har._known(series, NAMES, 4)[1]) == 0


def test_the_regressors_of_a_horizon_look_as_far_ahead_as_the_horizon(training):
    near, far = (har._known(training[0], NAMES, h)[0] for h in (1, 5))
    np.testing.assert_array_equal(far, compute_features(training[0].windows, NAMES, 5)[:-5])
    moved = {name for name, column in zip(NAMES, (far != near[:-4]).T, strict=True) if column.any()}
    assert moved == set(QUARTER_FEATURES)


def test_an_outcome_is_the_log_return_of_the_closes(histories, training):
    closes = np.log(histories[0].bars["close"].to_numpy())[63:]
    outcome = har._known(training[0], NAMES, 5)[1] * training[0].volatility[:-5] * 5**0.5
    assert outcome == pytest.approx(closes[5:] - closes[:-5])


def test_the_session_after_the_last_is_never_read(training, fitted):
    poisoned = [replace(one, target=np.append(one.target[:-1], 1e6)) for one in training]
    np.testing.assert_array_equal(fit_har(poisoned, NAMES, HarConfig(), 3).quantiles, fitted.quantiles)


def test_the_fit_against_scipy(training):
    rows = har._rows(training, NAMES, 2, HarConfig())
    config = HarConfig(max_iterations=500)

    def cost(beta):
        log_scale = rows.regressors @ beta
        likelihood = student.logpdf(rows.target * np.exp(-log_scale), 6) - log_scale
        return -np.average(likelihood, weights=rows.weights) + 0.5 * rows.penalty @ beta**2

    found = har._fit(rows, np.zeros(len(NAMES) + 1), config)
    best = minimize(cost, np.zeros(len(NAMES) + 1), method="BFGS")
    assert cost(found) == pytest.approx(best.fun, abs=1e-5)


def test_the_fit_finds_the_scale_that_made_the_data(training):
    rng = np.random.default_rng(2)
    rows = har._rows(training, NAMES, 1, HarConfig())
    truth = np.linspace(-0.5, 0.5, len(NAMES) + 1)
    x = rng.standard_normal((40_000, len(NAMES) + 1))
    made = replace(
        rows, penalty=np.zeros_like(truth), regressors=x, target=np.exp(x @ truth) * rng.standard_t(6, 40_000)
    )
    found = har._fit(replace(made, weights=np.ones(40_000)), np.zeros_like(truth), HarConfig())
    assert found == pytest.approx(truth, abs=0.03)


def test_only_the_coefficients_of_the_market_are_held_back_and_more_so_far_ahead(training):
    near, far = (har._rows(training, NAMES, h, HarConfig()).penalty for h in (1, 10))
    held = [name for name, penalty in zip(NAMES, near[1:], strict=True) if penalty > 0]
    assert held == list(MARKET_FEATURES)
    assert near[0] == 0
    assert (far[1:] >= 9 * near[1:]).all()


def test_a_stronger_ridge_leaves_smaller_coefficients_of_the_market(training):
    loose, tight = (fit_har(training, NAMES, HarConfig(market_ridge=ridge), 3) for ridge in (0, 10))
    held = [1 + NAMES.index(name) for name in MARKET_FEATURES]
    assert (np.abs(tight.coefficients[:, held]) < 0.5 * np.abs(loose.coefficients[:, held])).all()


def test_the_mean_of_the_residuals_is_the_one_to_expect(training):
    rows, h = har._rows(training, NAMES, 4, HarConfig()), 4
    moved = har._at_expected_mean(rows.target, rows, h)
    before, after = (np.average(values, weights=rows.weights) for values in (rows.target, moved))
    assert after / 2 == pytest.approx(expected_mean(before / 2, rows.span))
    assert np.ptp(moved - rows.target) == pytest.approx(0, abs=1e-12)


def test_a_report_that_is_due_widens_the_bands_of_the_horizons_that_it_falls_into(past):
    coefficients = np.zeros((6, len(NAMES) + 1))
    coefficients[:, 1 + NAMES.index("quarter_1")] = 0.2
    surprises = np.zeros(WINDOW)
    surprises[-QUARTER + 5] = 6.0  # on the sixth session, three sessions earlier at most
    due = replace(past, window=replace(past.window, surprises=surprises))
    flat = Har(NAMES, coefficients, np.tile(np.linspace(-2, 2, 99), (6, 1)))
    calm = replace(past, window=replace(past.window, surprises=np.zeros(WINDOW)))
    config = SimulationConfig(horizon=6)
    wider = np.ptp(flat(due, config), axis=1) / np.ptp(flat(calm, config), axis=1)
    assert wider[:2] == pytest.approx([1, 1])
    assert (wider[2:] > 1.02).all()


def test_quantiles_weigh_recent_residuals_more():
    values, weights = np.arange(1.0, 5.0), np.array([1.0, 1.0, 1.0, 7.0])
    assert har._weighted_quantiles(values, weights, (0.1, 0.25, 0.5)).tolist() == [1.0, 3.0, 4.0]


def test_the_answer_by_hand(past):
    normal = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    config = SimulationConfig(horizon=2, levels=(0.05, 0.125, 0.5, 0.875, 0.95))
    coefficients = np.zeros((3, len(NAMES) + 1))
    coefficients[1, 0] = np.log(2)
    found = Har(NAMES, coefficients, np.tile(normal, (3, 1)))(past, config)
    expected = random_walk(past, config) * [[1], [2]]
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-12)  # linear between two of the fitted levels


def test_fitted_quantiles_increase_and_cover_the_training_outcomes(training, fitted, histories, market):
    assert (np.diff(fitted.quantiles) > 0).all()
    assert fitted.quantiles.shape == (3, len(LEVELS))
    past = past_of("OLD", adjust(histories[0], histories[0].last_session, "split_adjusted"), market)
    found = fitted(past, SHORT)
    assert found.shape == (3, 5)
    assert (found[2, -1] - found[2, 0]) > (found[0, -1] - found[0, 0])


def test_other_units_of_price_change_nothing(training, fitted, histories, market):
    bars = adjust(histories[0], histories[0].last_session, "split_adjusted")
    pence = bars.assign(**{name: 100 * bars[name] for name in ("open", "high", "low", "close")})
    ours, theirs = (fitted(past_of("OLD", frame, market), SHORT) for frame in (bars, pence))
    assert ours == pytest.approx(theirs)


def test_a_longer_horizon_than_that_of_the_fit_is_refused(fitted, past):
    with pytest.raises(ModelError, match="fit it anew"):
        fitted(past, SimulationConfig(horizon=4))


def test_too_few_sessions_are_refused(training):
    with pytest.raises(ModelError, match="at least 251 sessions to fit log-HAR on, found 100"):
        fit_har(training, NAMES, HarConfig(history_sessions=100), 3)
