"""The residual law against a slow twin that sorts and counts, and by hand."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.calibration.conformal import GRID, law_of, prior_law
from forecasting.config import CalibrationConfig

TAIL = 0.05
NO_PRIOR = CalibrationConfig(prior_blocks=0, pool_blocks=1e12, half_life_years=1e9)


def every(gap: float, scores: np.ndarray) -> np.ndarray:
    return np.full(len(scores), float(gap))


def scores_of(seed: int, dates: int = 300, tickers: int = 6, horizons: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((dates, tickers, horizons))


def weighted_quantile(values: np.ndarray, weights: np.ndarray, level: float) -> float:
    """Smallest value under which `level` of the weight lies."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(cumulative, level)])


@pytest.mark.parametrize("seed", range(4))
def test_without_a_prior_the_pool_is_the_quantile_of_all_scores(seed):
    scores = scores_of(seed)
    _, pool = law_of(scores, np.zeros(300), gaps=every(1, scores), tail=TAIL, config=NO_PRIOR)
    assert np.exp(pool[0]) == pytest.approx(np.quantile(scores, 1 - TAIL), rel=0.03)


@pytest.mark.parametrize("half_life", [0.2, 1.0])
def test_weights_by_age_are_those_of_a_weighted_quantile(half_life):
    scores = scores_of(7) * np.linspace(0.6, 1.8, 300)[:, None, None]
    ages = np.linspace(2, 0, 300)
    config = NO_PRIOR.model_copy(update={"half_life_years": half_life})
    _, pool = law_of(scores, ages, gaps=every(1, scores), tail=TAIL, config=config)
    weights = np.repeat(0.5 ** (ages / half_life), 6)
    assert np.exp(pool[0]) == pytest.approx(weighted_quantile(scores.ravel(), weights, 1 - TAIL), rel=0.03)


def test_a_ticker_with_all_the_say_has_its_own_quantile():
    scores = scores_of(2) * np.array([0.5, 0.8, 1.0, 1.2, 1.6, 2.0])[None, :, None]
    config = NO_PRIOR.model_copy(update={"pool_blocks": 0})
    own, _ = law_of(scores, np.zeros(300), gaps=every(1, scores), tail=TAIL, config=config)
    assert np.exp(own[:, 0]) == pytest.approx(np.quantile(scores[..., 0], 1 - TAIL, axis=0), rel=0.05)


def test_the_prior_is_the_normal_tail_in_units_of_the_edge():
    curve = prior_law(TAIL)
    assert (np.diff(curve) < 0).all()
    assert np.interp(1.0, GRID, curve) == pytest.approx(TAIL, abs=1e-4)
    edge = NormalDist().inv_cdf(1 - TAIL)
    assert np.interp(2.0, GRID, curve) == pytest.approx(1 - NormalDist().cdf(2 * edge), abs=1e-5)


def test_where_the_data_say_what_the_prior_says_nothing_moves():
    edge = NormalDist().inv_cdf(1 - TAIL)
    scores = (
        np.array([NormalDist().inv_cdf((k + 0.5) / 4000) for k in range(4000)]).reshape(1000, 4, 1) / edge
    )
    own, pool = law_of(scores, np.zeros(1000), gaps=every(1, scores), tail=TAIL, config=CalibrationConfig())
    assert pool == pytest.approx(0, abs=0.02)
    assert own == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("blocks", "share"), [(0, 1.0), (300, 0.5), (1e12, 0.0)])
def test_the_prior_mixes_by_independent_dates(blocks, share):
    """Every outcome far outside: above any multiplier lies the share of the data, and the prior's rest."""
    scores = np.full((300, 2, 1), 1e3)
    config = NO_PRIOR.model_copy(update={"prior_blocks": blocks})
    _, pool = law_of(scores, np.zeros(300), gaps=every(1, scores), tail=TAIL, config=config)
    assert np.exp(pool[0]) == pytest.approx(GRID[-1] if share > TAIL else 1.0, rel=0.01)


def test_a_gap_between_dates_makes_long_horizons_more_independent():
    scores = np.repeat(scores_of(5, dates=120) * 1.6, 20, axis=2)
    wide, narrow = (
        law_of(scores, np.zeros(120), gaps=every(gap, scores), tail=TAIL, config=CalibrationConfig())[1][-1]
        for gap in (10, 1)
    )
    assert 0 < narrow < wide


def test_horizons_without_outcomes_do_not_dilute_their_neighbours():
    scores = np.full((400, 5, 10), np.nan)
    scores[..., 4] = scores_of(6, dates=400, tickers=5)[..., 0] * 1.5
    _, pool = law_of(scores, np.zeros(400), gaps=every(5, scores), tail=TAIL, config=NO_PRIOR)
    alone = np.quantile(scores[..., 4], 1 - TAIL)
    assert np.exp(pool[4]) == pytest.approx(alone, rel=0.03)


@given(st.floats(0.3, 3.0), st.integers(0, 5))
def test_bands_and_outcomes_in_other_units_give_the_same_law(unit, seed):
    """Scores have no unit: an outcome and an edge that both grow leave them as they are."""
    actual, edge = scores_of(seed, dates=60), 1.6
    one, other = (
        law_of(scores, np.zeros(60), gaps=every(1, scores), tail=TAIL, config=CalibrationConfig())[1]
        for scores in (actual / edge, (unit * actual) / (unit * edge))
    )
    assert one == pytest.approx(other, abs=1e-9)


def test_nothing_closed_moves_nothing():
    own, pool = law_of(
        np.full((3, 2, 4), np.nan), np.zeros(3), gaps=np.ones(3), tail=TAIL, config=CalibrationConfig()
    )
    assert np.isfinite(own).all()
    assert pool == pytest.approx(0, abs=1e-3)
