"""Pooled log-HAR: outcomes by hand, the fit against scipy, and nothing from the future."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import t as student
from synthetic_prices import PRICES, make_returns, prepare_all

from forecasting.baselines.random_walk import forecast_random_walk
from forecasting.config import LogHarConfig, SimulationConfig
from forecasting.errors import ModelError
from forecasting.features.lookback import WINDOW, Lookback
from forecasting.features.registry import FEATURES, Subject, compute_features, select_features
from forecasting.features.returns import DailyReturns
from forecasting.features.surprises import QUARTER
from forecasting.model.dataset import TickerFeatures, build_ticker_features, compute_horizon_outcomes
from forecasting.model.log_har import (
    RESIDUAL_LEVELS,
    LogHar,
    build_horizon_sample,
    fit_log_har,
)
from forecasting.model.residuals import EXPECTED_MEAN
from forecasting.pipeline import build_last_window
from forecasting.prices.history import PriceHistory
from forecasting.types import Floats

SHORT = SimulationConfig(horizon=3)
NAMES = select_features(())
NORMAL: Floats = np.array([NormalDist().inv_cdf(level) for level in RESIDUAL_LEVELS])


def list_features(subject: Subject) -> list[str]:
    return [name for name in NAMES if FEATURES[name].subject == subject]


@pytest.fixture(scope="module")
def training(universe: Sequence[DailyReturns], market: pd.Series) -> list[TickerFeatures]:
    return [build_ticker_features(returns, market, NAMES, lookback=1) for returns in universe]


@pytest.fixture(scope="module")
def fitted(training: Sequence[TickerFeatures]) -> LogHar:
    return fit_log_har(training, NAMES, LogHarConfig(), horizon=3)


@pytest.fixture(scope="module")
def window() -> Lookback:
    calm = pd.Series(1.0, pd.bdate_range("2016-01-01", "2024-12-31").as_unit("s"))
    return build_last_window(make_returns("OLD", 900, seed=1), calm)


def cut(ticker: TickerFeatures, sessions: int) -> TickerFeatures:
    """The features as they were `sessions` earlier, but for a target that is not known there."""
    kept = len(ticker) - sessions
    return replace(
        ticker,
        sessions=ticker.sessions[:kept],
        features=ticker.features[:kept],
        volatility=ticker.volatility[:kept],
        target=ticker.target[:kept],
        windows=ticker.windows[:kept],
    )


def test_outcomes_by_hand(training: Sequence[TickerFeatures]) -> None:
    ticker = replace(
        cut(training[0], len(training[0]) - 4),
        volatility=np.array([0.01, 0.02, 0.01, 0.04]),
        target=np.array([1.0, -2.0, 3.0, 99.0]),  # next session's; the last one is not known yet
    )
    expected = [-0.03 / (0.01 * 2**0.5), -0.01 / (0.02 * 2**0.5)]
    assert compute_horizon_outcomes(ticker, 2) == pytest.approx(expected)
    assert compute_horizon_outcomes(ticker, 3) == pytest.approx([0.0], abs=1e-12)
    assert len(compute_horizon_outcomes(ticker, 4)) == 0


def test_the_regressors_of_a_horizon_look_as_far_ahead_as_the_horizon(
    training: Sequence[TickerFeatures],
) -> None:
    near, far = (
        build_horizon_sample(training[:1], NAMES, h, config=LogHarConfig()).regressors[:, 1:] for h in (1, 5)
    )
    np.testing.assert_array_equal(far, compute_features(training[0].windows, NAMES, 5)[:-5])
    moved = {name for name, column in zip(NAMES, (far != near[:-4]).T, strict=True) if column.any()}
    assert moved == set(list_features("report"))


def test_an_outcome_is_the_log_return_of_the_closes(
    histories: Sequence[PriceHistory], training: Sequence[TickerFeatures]
) -> None:
    closes = np.log(histories[0].bars["close"].to_numpy())[63:]
    outcome = compute_horizon_outcomes(training[0], 5) * training[0].volatility[:-5] * 5**0.5
    assert outcome == pytest.approx(closes[5:] - closes[:-5])


def test_the_session_after_the_last_is_never_read(training: Sequence[TickerFeatures], fitted: LogHar) -> None:
    poisoned = [replace(ticker, target=np.append(ticker.target[:-1], 1e6)) for ticker in training]
    again = fit_log_har(poisoned, NAMES, LogHarConfig(), horizon=3)
    np.testing.assert_array_equal(again.quantiles, fitted.quantiles)
    np.testing.assert_array_equal(again.coefficients, fitted.coefficients)


def test_the_fit_against_scipy(training: Sequence[TickerFeatures]) -> None:
    config = LogHarConfig(max_iterations=500)
    sample = build_horizon_sample(training, NAMES, 2, config=config)

    def compute_cost(beta: Floats) -> float:
        log_scale = sample.regressors @ beta
        likelihood = student.logpdf(sample.target * np.exp(-log_scale), 6) - log_scale
        return float(-np.average(likelihood, weights=sample.weights) + 0.5 * sample.penalty @ beta**2)

    found = fit_log_har(training, NAMES, config, horizon=2).coefficients[1]
    best = minimize(compute_cost, np.zeros(len(NAMES) + 1), method="BFGS")
    assert compute_cost(found) == pytest.approx(best.fun, abs=1e-5)


def test_the_fit_finds_the_scale_that_made_the_data(training: Sequence[TickerFeatures]) -> None:
    rng, sessions = np.random.default_rng(2), 40_000
    names = list_features("direction") + list_features("volatility") + list_features("market")
    truth = np.linspace(-0.5, 0.5, len(names) + 1)
    x = rng.standard_normal((sessions, len(names)))
    made = TickerFeatures(
        ticker="MADE",
        sessions=np.datetime64("1900-01-01") + np.arange(sessions),
        features=x,
        volatility=np.full(sessions, 0.01),
        target=np.exp(truth[0] + x @ truth[1:]) * rng.standard_t(6, sessions),
        windows=training[0].windows,
        range_next=np.ones(sessions),
    )
    config = LogHarConfig(weighting="none", history_sessions=sessions, market_ridge=0)
    found = fit_log_har([made], names, config, horizon=1).coefficients[0]
    assert found == pytest.approx(truth, abs=0.03)


def test_the_ridge_counts_outcomes_that_do_not_overlap_and_holds_the_market_back_more(
    training: Sequence[TickerFeatures],
) -> None:
    sample = build_horizon_sample(training, NAMES, 10, config=LogHarConfig(ridge_blocks=3, market_ridge=0.01))
    rows = len(sample.target)
    assert sample.blocks == rows / 10
    variance = sample.regressors[:, 1:].var(axis=0)
    is_market = np.isin(NAMES, list_features("market"))
    assert sample.penalty[0] == 0
    assert sample.penalty[1:] == pytest.approx(variance * (3 * 10 / rows + 0.01 * 10 * is_market))


def test_a_horizon_with_too_few_outcomes_takes_over_the_coefficients_of_the_next_shorter_one(
    training: Sequence[TickerFeatures],
) -> None:
    blocks = build_horizon_sample(training, NAMES, 3, config=LogHarConfig()).blocks
    config = LogHarConfig(fewest_blocks=(blocks + 1) / (len(NAMES) + 1))
    fitted = fit_log_har(training, NAMES, config, horizon=3)
    np.testing.assert_array_equal(fitted.coefficients[2], fitted.coefficients[1])
    assert (fitted.coefficients[1] != fitted.coefficients[0]).any()
    assert (fitted.quantiles[2] != fitted.quantiles[1]).any()


def test_a_forecast_keeps_to_the_range_of_the_fit(fitted: LogHar, training: Sequence[TickerFeatures]) -> None:
    regressors = build_horizon_sample(training, NAMES, 2, config=LogHarConfig()).regressors[:, 1:]
    np.testing.assert_allclose(fitted.bounds[1], [regressors.min(axis=0), regressors.max(axis=0)])


def test_a_stronger_ridge_leaves_smaller_coefficients_of_the_market(
    training: Sequence[TickerFeatures],
) -> None:
    loose, tight = (
        fit_log_har(training, NAMES, LogHarConfig(market_ridge=ridge), horizon=3) for ridge in (0, 10)
    )
    held = [1 + NAMES.index(name) for name in list_features("market")]
    assert (np.abs(tight.coefficients[:, held]) < 0.5 * np.abs(loose.coefficients[:, held])).all()


def find_weighted_quantiles(values: Floats, weights: Floats) -> Floats:
    """The smallest values under which each of RESIDUAL_LEVELS of the weight lies."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    return np.array([values[order][cumulative >= level - 1e-12][0] for level in RESIDUAL_LEVELS])


def test_the_quantiles_are_those_of_residuals_with_recent_weights_moved_to_the_mean_to_expect(
    training: Sequence[TickerFeatures], fitted: LogHar
) -> None:
    sample = build_horizon_sample(training, NAMES, 3, config=LogHarConfig())
    residuals = sample.target * np.exp(-(sample.regressors @ fitted.coefficients[2]))
    mean = float(np.average(residuals, weights=sample.weights))
    shift = fitted.quantiles[2] - find_weighted_quantiles(residuals, sample.weights)
    assert shift == pytest.approx(3**0.5 * EXPECTED_MEAN - mean, abs=1e-9)
    assert sample.weights.max() / sample.weights.min() == pytest.approx(2, rel=0.02)
    assert (np.abs(fitted.quantiles[2] - np.quantile(residuals, RESIDUAL_LEVELS)) > 1e-3).any()


def build_model(coefficients: Floats, quantiles: Floats) -> LogHar:
    """The same residual quantiles at each horizon, and no bound of the features."""
    bounds = np.array([[-np.inf], [np.inf]]) * np.ones((len(coefficients), 1, len(NAMES)))
    return LogHar(NAMES, coefficients, np.tile(quantiles, (len(coefficients), 1)), bounds)


def test_a_report_that_is_due_widens_the_bands_of_the_horizons_that_it_falls_into(window: Lookback) -> None:
    coefficients = np.zeros((6, len(NAMES) + 1))
    coefficients[:, 1 + NAMES.index("quarter_1")] = 0.2
    surprises = np.zeros(WINDOW)
    surprises[-QUARTER + 5] = 6.0  # on the sixth session, three sessions earlier at most
    model = build_model(coefficients, np.linspace(-2, 2, 99))
    due, quiet = (replace(window, surprises=each) for each in (surprises, np.zeros(WINDOW)))
    config = SimulationConfig(horizon=6)
    wider = np.ptp(model.forecast(due, config), axis=1) / np.ptp(model.forecast(quiet, config), axis=1)
    assert wider[:2] == pytest.approx([1, 1])
    assert (wider[2:] > 1.02).all()


def test_the_forecast_by_hand(window: Lookback) -> None:
    config = SimulationConfig(horizon=2, levels=(0.05, 0.125, 0.5, 0.875, 0.95))
    coefficients = np.zeros((3, len(NAMES) + 1))
    coefficients[1, 0] = np.log(2)
    found = build_model(coefficients, NORMAL).forecast(window, config)
    expected = forecast_random_walk(window, config) * [[1], [2]]
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-12)  # linear between two of the fitted levels


def test_a_log_scale_keeps_the_bound_of_the_networks(window: Lookback) -> None:
    wild = np.zeros((2, len(NAMES) + 1))
    wild[:, 0] = 1e6
    widest = build_model(wild, NORMAL).forecast(window, SimulationConfig(horizon=1))
    expected = np.exp(4) * forecast_random_walk(window, SimulationConfig(horizon=1))
    assert widest == pytest.approx(expected, rel=1e-3, abs=1e-9)


def test_fitted_quantiles_increase_and_widen_with_the_horizon(
    fitted: LogHar, universe: Sequence[DailyReturns], market: pd.Series
) -> None:
    assert (np.diff(fitted.quantiles) > 0).all()
    assert fitted.quantiles.shape == (3, len(RESIDUAL_LEVELS))
    found = fitted.forecast(build_last_window(universe[0], market), SHORT)
    assert found.shape == (3, 5)
    assert (found[2, -1] - found[2, 0]) > (found[0, -1] - found[0, 0])


def test_other_units_of_price_change_nothing(
    fitted: LogHar, histories: Sequence[PriceHistory], market: pd.Series
) -> None:
    bars = histories[0].bars.copy()
    bars[PRICES] *= 100
    pounds, pence = prepare_all([histories[0], replace(histories[0], bars=bars)])
    plain, scaled = (fitted.forecast(build_last_window(each, market), SHORT) for each in (pounds, pence))
    assert scaled == pytest.approx(plain)


def test_a_longer_horizon_than_that_of_the_fit_is_refused(fitted: LogHar, window: Lookback) -> None:
    with pytest.raises(ModelError, match="fit it anew"):
        fitted.forecast(window, SimulationConfig(horizon=4))


def test_too_few_sessions_are_refused(training: Sequence[TickerFeatures]) -> None:
    sessions = len(np.unique(np.concatenate([ticker.sessions for ticker in training])))
    few = [cut(ticker, 100) for ticker in training]
    with pytest.raises(
        ModelError, match=f"at least {sessions} sessions to fit log-HAR on, found {sessions - 100}; load more"
    ):
        fit_log_har(few, NAMES, LogHarConfig(), horizon=sessions - 250)


def test_the_horizons_between_the_knots_lie_on_a_line_over_their_logs(
    training: Sequence[TickerFeatures],
) -> None:
    values = fit_log_har(training, NAMES, LogHarConfig(), horizon=5).coefficients
    share = (np.log(4) - np.log(3)) / (np.log(5) - np.log(3))
    np.testing.assert_allclose(values[3], (1 - share) * values[2] + share * values[4], atol=1e-12)
