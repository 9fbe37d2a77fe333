"""The noise pool."""

import numpy as np
import pytest
import torch

from forecasting.features.market import market_variance
from forecasting.model.dataset import Pool, chronological_split
from forecasting.model.residuals import expected_mean, noise_pool


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


def spoken(model, one):
    """(T,) location and scale of each session's successor, without dropout."""
    with torch.inference_mode():
        out = model.network(torch.as_tensor(one.features[None], dtype=torch.float32))
    return out.location[0].numpy(), np.exp(out.log_scale[0].numpy())


def moved(model, one, rows, pool):
    """How far the residuals of sessions lie from where they were; found by their range ratios."""
    location, scale = spoken(model, one)
    ranges = (one.range_next / (one.volatility * scale) ** 2)[rows]
    places = [np.argmin(np.abs(pool.rows[:, 1] - ratio)) for ratio in ranges]
    np.testing.assert_allclose(pool.rows[places, 1], ranges, rtol=1e-5)
    return pool.rows[places, 0] - ((one.target - location) / scale)[rows]


def test_a_row_is_one_session_of_one_ticker(model, series, split, pool):
    found = moved(model, series[0], split.training[split.training < len(series[0])][100:160], pool)
    np.testing.assert_allclose(found, found[0], atol=1e-5)


def test_residuals_are_moved_to_the_mean_that_is_to_be_expected(model, series, split, pool):
    shift = moved(model, series[0], split.training[split.training < len(series[0])][150:151], pool)[0]
    totals = np.concatenate([one.target / spoken(model, one)[1] for one in series])
    starts = np.concatenate([np.arange(len(one)) for one in series])
    weights = split.weights.copy()
    weights[split.validation] = weights.max()
    weights[(starts < 20) | ~np.isfinite(totals)] = 0
    mean = np.average(np.nan_to_num(totals), weights=weights)
    sessions = np.concatenate([one.sessions for one in series])[np.append(split.training, split.validation)]
    assert shift == pytest.approx(expected_mean(mean, len(np.unique(sessions))) - mean, abs=1e-5)
    assert abs(shift) > 1e-4


def test_residuals_of_the_pool_have_about_the_size_that_the_model_expects(pool):
    assert np.average(pool.rows[:, 0] ** 2, weights=pool.weights) == pytest.approx(1, abs=0.5)


def test_sessions_of_the_purge_gap_are_not_drawn(pool, series, split):
    counted = len(split.training) + len(split.validation)
    assert counted - 20 * len(series) <= len(pool.rows) <= counted


def test_a_market_of_one_ticker_is_normal_in_the_mean(histories):
    assert market_variance([histories[0].bars]).mean() == pytest.approx(1, abs=0.3)
