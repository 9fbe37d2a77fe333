"""How much of a past mean is believed."""

import pytest

from forecasting.model.residuals import LONG_RUN, YEARS, expect_mean


def test_nothing_seen_means_the_long_run_and_much_seen_means_what_was_seen() -> None:
    assert expect_mean(-0.05, 0) == LONG_RUN
    assert expect_mean(-0.05, 10**9) == pytest.approx(-0.05, abs=1e-6)


def test_sixteen_years_and_the_long_run_carry_the_same_weight() -> None:
    assert expect_mean(0.03, 252 * YEARS) == pytest.approx((0.03 + LONG_RUN) / 2)
