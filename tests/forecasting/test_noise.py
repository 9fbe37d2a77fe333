"""The noise pool."""

import numpy as np
import pytest
import torch

from forecasting.market import market_variance
from forecasting.noise import noise_pool
from forecasting.windows import Pool, chronological_split


@pytest.fixture
def split(series, tiny_config):
    return chronological_split(Pool.of(series), tiny_config.training)


@pytest.fixture
def pool(model, series, split, market):
    return noise_pool(model.network, series, split, market, model.market)


def test_the_models_pool_is_made_of_its_own_sessions(model, pool):
    np.testing.assert_array_equal(pool.rows, model.noise.rows)
    np.testing.assert_array_equal(pool.weights, model.noise.weights)


def test_rows_are_finite_and_likely_rows_are_the_recent_ones(pool, split):
    assert np.isfinite(pool.rows).all()
    assert pool.rows.shape == (len(pool.weights), 3)
    assert pool.weights.sum() == pytest.approx(1)
    assert pool.weights.max() == pytest.approx(
        split.weights.max() / split.weights.min(initial=9, where=split.weights > 0) * pool.weights.min(),
        rel=0.05,
    )
    assert (pool.rows[:, 1:] >= 0).all()
    assert (pool.rows[:, 1:] <= 100).all()


def test_a_row_is_one_session_of_one_ticker(model, series, split, market, histories, pool):
    one = series[0]
    with torch.inference_mode():
        out = model.network(torch.as_tensor(one.features[None], dtype=torch.float32))
    residual = (one.target - out.location[0].numpy()) / np.exp(out.log_scale[0].numpy())
    ranges = one.range_next / (one.volatility * np.exp(out.log_scale[0].numpy())) ** 2
    row = int(split.training[split.training < len(one)][150])
    place = np.argmin(np.abs(pool.rows[:, 0] - residual[row]))
    np.testing.assert_allclose(pool.rows[place, :2], [residual[row], ranges[row]], rtol=1e-5)


def test_residuals_of_the_pool_have_about_the_size_that_the_model_expects(pool):
    assert np.average(pool.rows[:, 0] ** 2, weights=pool.weights) == pytest.approx(1, abs=0.5)


def test_sessions_of_the_purge_gap_are_not_drawn(pool, series, split):
    counted = len(split.training) + len(split.validation)
    assert counted - 20 * len(series) <= len(pool.rows) <= counted


def test_a_market_of_one_ticker_is_normal_in_the_mean(histories):
    assert market_variance([histories[0].bars["close"]]).mean() == pytest.approx(1, abs=0.3)
