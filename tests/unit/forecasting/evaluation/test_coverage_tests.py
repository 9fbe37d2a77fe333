"""Tests of coverage: by hand, against scipy's chi-square, and by their size in simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from forecasting.evaluation.coverage_tests import christoffersen, independence, kupiec

some_hits = st.lists(st.booleans(), min_size=2, max_size=60)


def test_kupiec_by_hand() -> None:
    hits = np.arange(250) < 20  # 20 of 250 at 5 %
    expected = 2 * (20 * math.log(0.08 / 0.05) + 230 * math.log(0.92 / 0.95))
    found = kupiec(hits, 0.05)
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(chi2.sf(expected, 1))


def test_the_very_share_expected_gives_no_evidence() -> None:
    found = kupiec([True] + [False] * 19, 0.05)
    assert (found.statistic, found.p_value) == pytest.approx((0.0, 1.0), abs=1e-9)


@pytest.mark.parametrize("hit", [True, False])
def test_hits_always_or_never_have_a_finite_ratio(hit: bool) -> None:
    found = kupiec([hit] * 100, 0.05)
    expected = -200 * math.log(0.05 if hit else 0.95)
    assert found.statistic == pytest.approx(expected)


def test_independence_by_hand() -> None:
    hits = [
        False,
        False,
        True,
        True,
        False,
        False,
        False,
        True,
        False,
    ]  # 8 pairs: 3 hits, 1 of them after a hit
    chain = 1 * math.log(1 / 3) + 2 * math.log(2 / 3) + 2 * math.log(2 / 5) + 3 * math.log(3 / 5)
    free = 3 * math.log(3 / 8) + 5 * math.log(5 / 8)
    assert independence(hits).statistic == pytest.approx(2 * (chain - free))


def test_christoffersen_adds_both_ratios() -> None:
    hits = np.random.default_rng(1).random(300) < 0.08
    found = christoffersen(hits, 0.05)
    assert found.statistic == pytest.approx(kupiec(hits, 0.05).statistic + independence(hits).statistic)
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 2))


def test_clustered_hits_of_the_right_number_are_found() -> None:
    hits = np.zeros(500, bool)
    hits[100:125] = True
    assert kupiec(hits, 0.05).p_value > 0.9
    assert independence(hits).p_value < 1e-6
    assert christoffersen(hits, 0.05).p_value < 1e-6


@given(some_hits, st.floats(0.01, 0.99))
def test_ratios_are_never_negative_and_p_values_are_probabilities(hits: list[bool], level: float) -> None:
    for found in (kupiec(hits, level), independence(hits), christoffersen(hits, level)):
        assert found.statistic >= 0
        assert 0 <= found.p_value <= 1


@given(some_hits, st.floats(0.01, 0.99))
def test_a_hit_of_a_level_is_a_miss_of_the_rest(hits: list[bool], level: float) -> None:
    inverse = kupiec([not hit for hit in hits], 1 - level).statistic
    assert kupiec(hits, level).statistic == pytest.approx(inverse, rel=1e-6, abs=1e-9)


def test_kupiec_rejects_about_one_true_forecast_in_twenty() -> None:
    drawn = np.random.default_rng(5).random((2000, 1000)) < 0.1
    rejected = np.mean([kupiec(hits, 0.1).p_value < 0.05 for hits in drawn])
    assert rejected == pytest.approx(0.05, abs=0.015)
