"""Residuals of past sessions, from which the simulation draws."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from forecasting.config import ModelConfig
from forecasting.model.artifact import Model
from forecasting.model.dataset import Rows, Split, TickerFeatures, TrainingSet, split_by_session
from forecasting.model.residuals import EXPECTED_MEAN, ResidualPool, collect_residuals, keep_past_sessions
from forecasting.types import Floats


@pytest.fixture(scope="module")
def split(model: Model, tickers: Sequence[TickerFeatures], tiny_config: ModelConfig) -> Split:
    knots = tiny_config.network.knots
    log_scales = [model.log_har.log_scales(each.features, each.windows, knots) for each in tickers]
    training = tiny_config.training
    data = TrainingSet.stack(tickers, log_scales, inputs=model.inputs, knots=knots, config=training)
    return split_by_session(data, training)


@pytest.fixture(scope="module")
def pool(model: Model, tickers: Sequence[TickerFeatures], split: Split, market: pd.Series) -> ResidualPool:
    log_scales = [np.log(predict_scale(model, each))[:, None] for each in tickers]
    return collect_residuals(
        lambda past: past.log_scale,
        keep_past_sessions(tickers, log_scales, model.inputs),
        split,
        market=market,
        coefficients=model.market,
    )


def predict_scale(model: Model, ticker: TickerFeatures) -> Floats:
    """(T,) scale of each session's successor: of few tickers, that of the linear part."""
    scale: Floats = np.exp(model.log_har.log_scales(ticker.features, ticker.windows, (1,))[:, 0])
    return scale


def test_the_residuals_of_a_model_are_those_of_its_own_sessions(model: Model, pool: ResidualPool) -> None:
    np.testing.assert_array_equal(pool.rows, model.residuals.rows)
    np.testing.assert_array_equal(pool.weights, model.residuals.weights)


def test_rows_are_finite_and_likely_rows_are_the_recent_ones(pool: ResidualPool, split: Split) -> None:
    assert np.isfinite(pool.rows).all()
    assert pool.rows.shape == (len(pool.weights), 3)
    assert pool.weights.sum() == pytest.approx(1)
    assert pool.weights.max() == pytest.approx(
        split.weights.max() / split.weights.min(initial=9, where=split.weights > 0) * pool.weights.min(),
        rel=0.05,
    )
    assert (pool.rows[:, 1:] >= 0).all()
    assert (pool.rows[:, 1:] <= 100).all()


def list_scored(split: Split, first: TickerFeatures) -> Rows:
    """Training sessions of the first ticker, by their position in it."""
    rows = split.rows[split.training]
    scored: Rows = rows[rows < len(first)]
    return scored


def measure_shift(model: Model, ticker: TickerFeatures, rows: Rows, pool: ResidualPool) -> Floats:
    """Distance of the residuals of sessions from where they were; found by their range ratios."""
    scale = predict_scale(model, ticker)
    ranges = (ticker.range_next / (ticker.volatility * scale) ** 2)[rows]
    found = [np.argmin(np.abs(pool.rows[:, 1] - ratio)) for ratio in ranges]
    np.testing.assert_allclose(pool.rows[found, 1], ranges, rtol=1e-5)
    shift: Floats = pool.rows[found, 0] - (ticker.target / scale)[rows]
    return shift


def test_a_row_is_one_session_of_one_ticker(
    model: Model, tickers: Sequence[TickerFeatures], split: Split, pool: ResidualPool
) -> None:
    shift = measure_shift(model, tickers[0], list_scored(split, tickers[0])[100:160], pool)
    np.testing.assert_allclose(shift, shift[0], atol=1e-5)


def test_residuals_are_moved_to_the_mean_that_is_to_be_expected(
    model: Model, tickers: Sequence[TickerFeatures], split: Split, pool: ResidualPool
) -> None:
    shift = measure_shift(model, tickers[0], list_scored(split, tickers[0])[150:151], pool)
    totals = np.concatenate([ticker.target / predict_scale(model, ticker) for ticker in tickers])[split.rows]
    starts = np.concatenate([np.arange(len(ticker)) for ticker in tickers])[split.rows]
    weights = split.weights[:, 0].copy()
    weights[split.validation] = weights.max()
    weights[(starts < 20) | ~np.isfinite(totals)] = 0
    mean = np.average(np.nan_to_num(totals), weights=weights)
    assert shift[0] == pytest.approx(EXPECTED_MEAN - mean, abs=1e-5)
    assert abs(shift[0]) > 1e-4


def test_residuals_have_about_the_size_that_the_model_expects(pool: ResidualPool) -> None:
    assert np.average(pool.rows[:, 0] ** 2, weights=pool.weights) == pytest.approx(1, abs=0.5)


def test_sessions_of_the_purge_gap_are_not_drawn(
    pool: ResidualPool, tickers: Sequence[TickerFeatures], split: Split
) -> None:
    counted = len(split.training) + len(split.validation)
    assert counted - 20 * len(tickers) <= len(pool.rows) <= counted
