"""Conformal multipliers against a slow twin that sorts and counts, and by hand."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.calibration.conformal import GRID, TailMultipliers, fit_multipliers, prior_exceedance
from forecasting.config import CalibrationConfig
from forecasting.types import Floats

TAIL = 0.05
NO_PRIOR = CalibrationConfig(prior_blocks=0, pool_blocks=1e12, half_life_years=1e9)


def fit(
    scores: Floats,
    ages: Floats | None = None,
    gap: float = 1.0,
    config: CalibrationConfig | None = None,
) -> TailMultipliers:
    """Multipliers of dates of one age, unless ages are given, that lie `gap` sessions apart."""
    dates = len(scores)
    aged = np.zeros(dates) if ages is None else ages
    return fit_multipliers(scores, aged, np.full(dates, gap), tail=TAIL, config=config or CalibrationConfig())


def draw_scores(seed: int, dates: int = 300, tickers: int = 6, horizons: int = 1) -> Floats:
    return np.random.default_rng(seed).standard_normal((dates, tickers, horizons))


def weighted_quantile(values: Floats, weights: Floats, level: float) -> float:
    """Smallest value under which `level` of the weight lies."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(cumulative, level)])


@pytest.mark.parametrize("seed", range(4))
def test_without_a_prior_the_pool_is_the_quantile_of_all_scores(seed: int) -> None:
    scores = draw_scores(seed)
    pool = fit(scores, config=NO_PRIOR).pool
    assert np.exp(pool[0]) == pytest.approx(np.quantile(scores, 1 - TAIL), rel=0.03)


@pytest.mark.parametrize("half_life", [0.2, 1.0])
def test_weights_by_age_are_those_of_a_weighted_quantile(half_life: float) -> None:
    scores = draw_scores(7) * np.linspace(0.6, 1.8, 300)[:, None, None]
    ages = np.linspace(2, 0, 300)
    config = NO_PRIOR.model_copy(update={"half_life_years": half_life})
    pool = fit(scores, ages, config=config).pool
    weights = np.repeat(0.5 ** (ages / half_life), 6)
    assert np.exp(pool[0]) == pytest.approx(weighted_quantile(scores.ravel(), weights, 1 - TAIL), rel=0.03)


def test_a_ticker_without_a_pool_has_its_own_quantile() -> None:
    scores = draw_scores(2) * np.array([0.5, 0.8, 1.0, 1.2, 1.6, 2.0])[None, :, None]
    config = NO_PRIOR.model_copy(update={"pool_blocks": 0})
    own = fit(scores, config=config).ticker
    assert np.exp(own[:, 0]) == pytest.approx(np.quantile(scores[..., 0], 1 - TAIL, axis=0), rel=0.05)


def test_the_prior_is_the_normal_tail_in_units_of_the_edge() -> None:
    curve = prior_exceedance(TAIL)
    assert (np.diff(curve) < 0).all()
    assert np.interp(1.0, GRID, curve) == pytest.approx(TAIL, abs=1e-4)
    edge = NormalDist().inv_cdf(1 - TAIL)
    assert np.interp(2.0, GRID, curve) == pytest.approx(1 - NormalDist().cdf(2 * edge), abs=1e-5)


def test_where_data_and_prior_agree_nothing_moves() -> None:
    edge = NormalDist().inv_cdf(1 - TAIL)
    scores = (
        np.array([NormalDist().inv_cdf((k + 0.5) / 4000) for k in range(4000)]).reshape(1000, 4, 1) / edge
    )
    own, pool = fit(scores)
    assert pool == pytest.approx(0, abs=0.02)
    assert own == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("blocks", "share"), [(0, 1.0), (300, 0.5), (1e12, 0.0)])
def test_the_prior_mixes_by_independent_dates(blocks: float, share: float) -> None:
    """Every outcome far outside: above any multiplier lies the share of the data, and the prior's rest."""
    scores = np.full((300, 2, 1), 1e3)
    config = NO_PRIOR.model_copy(update={"prior_blocks": blocks})
    pool = fit(scores, config=config).pool
    assert np.exp(pool[0]) == pytest.approx(GRID[-1] if share > TAIL else 1.0, rel=0.01)


def test_a_gap_between_dates_makes_long_horizons_more_independent() -> None:
    scores = np.repeat(draw_scores(5, dates=120) * 1.6, 20, axis=2)
    wide, narrow = (fit(scores, gap=gap).pool[-1] for gap in (10, 1))
    assert 0 < narrow < wide


def test_horizons_without_outcomes_do_not_dilute_their_neighbours() -> None:
    scores = np.full((400, 5, 10), np.nan)
    scores[..., 4] = draw_scores(6, dates=400, tickers=5)[..., 0] * 1.5
    pool = fit(scores, gap=5, config=NO_PRIOR).pool
    alone = np.quantile(scores[..., 4], 1 - TAIL)
    assert np.exp(pool[4]) == pytest.approx(alone, rel=0.03)


@given(st.floats(0.3, 3.0), st.integers(0, 5))
def test_bands_and_outcomes_in_other_units_give_the_same_multipliers(unit: float, seed: int) -> None:
    """Scores have no unit: an outcome and an edge that both grow leave them as they are."""
    actual, edge = draw_scores(seed, dates=60), 1.6
    plain, scaled = (fit(scores).pool for scores in (actual / edge, (unit * actual) / (unit * edge)))
    assert plain == pytest.approx(scaled, abs=1e-9)


def test_nothing_closed_moves_nothing() -> None:
    own, pool = fit(np.full((3, 2, 4), np.nan))
    assert np.isfinite(own).all()
    assert pool == pytest.approx(0, abs=1e-3)
