"""Scores of quantile forecasts: by hand, against scoringrules, and by what any input must satisfy."""

from statistics import NormalDist

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecasting.evaluation.metrics import crps, inside, pinball, pit, tail_misses, winkler
from forecasting.types import Floats

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
BAND = np.array([-2.0, -1.0, 0.0, 1.0, 3.0])
NORMAL = np.array([NormalDist().inv_cdf(level) for level in np.arange(1, 20) / 20])

numbers = st.floats(-1e3, 1e3, allow_nan=False)
bands = arrays(np.float64, 5, elements=numbers).map(np.sort)


def test_pinball_by_hand() -> None:
    assert pinball(LEVELS, BAND, 2.0) == pytest.approx([0.2, 0.75, 1.0, 0.75, 0.05])


def test_crps_is_twice_the_mean_pinball_by_hand() -> None:
    assert crps(LEVELS, BAND, 2.0) == pytest.approx(2 * 2.75 / 5)


def test_crps_of_a_fine_grid_is_that_of_the_normal_in_closed_form() -> None:
    levels = (np.arange(2000) + 0.5) / 2000
    grid = np.array([NormalDist().inv_cdf(level) for level in levels])
    for outcome in (-1.5, 0.0, 0.7):
        assert crps(levels, grid, outcome) == pytest.approx(
            scoringrules.crps_normal(outcome, 0.0, 1.0), abs=2e-4
        )


@pytest.mark.parametrize(("outcome", "expected"), [(0.0, 5.0), (3.0, 5.0), (3.5, 15.0), (-2.25, 10.0)])
def test_winkler_by_hand(outcome: float, expected: float) -> None:
    assert winkler(-2.0, 3.0, outcome, coverage=0.9) == pytest.approx(expected)


def test_the_ends_of_a_band_lie_inside() -> None:
    assert inside(-2.0, 3.0, [-2.1, -2.0, 0.0, 3.0, 3.1]).tolist() == [0, 1, 1, 1, 0]


def test_each_tail_is_missed_by_itself() -> None:
    below, above = tail_misses(-2.0, 3.0, [-2.1, 0.0, 3.1])
    assert (below.tolist(), above.tolist()) == ([1, 0, 0], [0, 0, 1])


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [(-9.0, 0.025), (-2.0, 0.05), (-1.5, 0.15), (0.0, 0.5), (2.0, 0.85), (3.0, 0.95), (9.0, 0.975)],
)
def test_pit_by_hand(outcome: float, expected: float) -> None:
    assert pit(LEVELS, BAND, outcome) == pytest.approx(expected)


def test_pit_where_quantiles_coincide_is_the_lowest_of_their_levels() -> None:
    assert pit(LEVELS, [-1.0, 0.0, 0.0, 0.0, 1.0], 0.0) == pytest.approx(0.25)
    assert pit(LEVELS, np.zeros(5), 0.0) == pytest.approx(0.05)


def test_pit_of_outcomes_from_the_forecast_is_uniform() -> None:
    drawn = np.random.default_rng(3).standard_normal(20_000)
    counts, _ = np.histogram(pit(np.arange(1, 20) / 20, NORMAL, drawn), bins=np.arange(0, 1.05, 0.1))
    assert counts / len(drawn) == pytest.approx(0.1, abs=0.008)


def test_an_unknown_outcome_has_no_score() -> None:
    for score in (crps(LEVELS, BAND, np.nan), pit(LEVELS, BAND, np.nan), inside(-1, 1, np.nan)):
        assert np.isnan(score)
    assert np.isnan(winkler(-1, 1, np.nan, coverage=0.9))


def test_every_score_keeps_the_shape_of_its_outcomes() -> None:
    bands = np.sort(np.random.default_rng(1).standard_normal((4, 3, 5)))
    outcome = np.zeros((4, 3))
    assert pinball(LEVELS, bands, outcome).shape == (4, 3, 5)
    for score in (crps(LEVELS, bands, outcome), pit(LEVELS, bands, outcome)):
        assert score.shape == (4, 3)
    assert pit(LEVELS, bands, outcome)[2, 1] == pit(LEVELS, bands[2, 1], 0.0)


@given(bands, numbers)
def test_pinball_and_interval_score_agree_with_scoringrules(band: Floats, outcome: float) -> None:
    expected = [float(scoringrules.quantile_score(outcome, *pair)) for pair in zip(band, LEVELS, strict=True)]
    assert pinball(LEVELS, band, outcome) == pytest.approx(expected, abs=1e-9)
    oracle = scoringrules.interval_score(outcome, band[0], band[-1], 0.1)
    assert winkler(band[0], band[-1], outcome, coverage=0.9) == pytest.approx(oracle, rel=1e-9, abs=1e-9)


@given(bands, numbers)
def test_no_score_is_negative_and_a_certain_forecast_that_holds_costs_nothing(
    band: Floats, outcome: float
) -> None:
    assert (pinball(LEVELS, band, outcome) >= 0).all()
    assert crps(LEVELS, np.full(5, outcome), outcome) == 0
    assert winkler(outcome, outcome, outcome, coverage=0.9) == 0


@given(bands, numbers, numbers)
def test_a_shift_of_forecast_and_outcome_changes_no_score(band: Floats, outcome: float, shift: float) -> None:
    expected = crps(LEVELS, band, outcome)
    assert crps(LEVELS, band + shift, outcome + shift) == pytest.approx(expected, abs=1e-9)


@given(bands, numbers, st.floats(0.01, 100))
def test_scores_are_in_the_unit_of_the_outcome(band: Floats, outcome: float, unit: float) -> None:
    assert crps(LEVELS, band * unit, outcome * unit) == pytest.approx(
        unit * crps(LEVELS, band, outcome), rel=1e-9, abs=1e-9
    )


@given(bands, numbers, numbers)
def test_pit_rises_with_the_outcome_and_stays_inside(band: Floats, first: float, second: float) -> None:
    low, high = pit(LEVELS, band, min(first, second)), pit(LEVELS, band, max(first, second))
    assert 0 < low <= high < 1


@given(arrays(np.float64, 39, elements=numbers, unique=True), st.sampled_from(LEVELS.tolist()))
def test_expected_pinball_is_least_at_the_true_quantile(sample: Floats, level: float) -> None:
    candidates = np.sort(sample)
    cost = pinball([level], candidates[:, None, None], candidates).mean(axis=(1, 2))
    truth = np.quantile(sample, level, method="inverted_cdf")
    assert cost[np.searchsorted(candidates, truth)] == pytest.approx(cost.min(), abs=1e-9)
