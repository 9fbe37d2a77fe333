"""How much of a past mean is believed."""

import pytest

from forecasting.model.residuals import LONG_RUN, YEARS, expected_mean


def test_nothing_seen_means_the_long_run_and_much_seen_means_what_was_seen():
    assert expected_mean(-0.05, 0) == LONG_RUN
    assert expected_mean(-0.05, 10**9) == pytest.approx(-0.05, abs=1e-6)


def test_sixteen_years_and_the_long_run_have_the_same_word():
    assert expected_mean(0.03, 252 * YEARS) == pytest.approx((0.03 + LONG_RUN) / 2)
