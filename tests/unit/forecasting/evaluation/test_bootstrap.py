"""Comparison of two forecasters: by hand, against written-out loops, and in simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecasting.errors import UsageError
from forecasting.evaluation.bootstrap import block_bootstrap, mean_by_date
from forecasting.types import Floats

differences = arrays(np.float64, st.integers(5, 40), elements=st.floats(-10, 10))


def autocorrelated(dates: int, rng: np.random.Generator) -> Floats:
    """Mean 0, each a sum of five shocks, as the outcomes of five sessions overlap."""
    return np.convolve(rng.standard_normal(dates + 4), np.ones(5), "valid")


def test_tickers_of_a_date_become_one_number() -> None:
    table = np.array([[1.0, 3.0], [np.nan, 5.0]])
    assert mean_by_date(table).tolist() == [2.0, 5.0]
    assert block_bootstrap(table, 1, 10, seed=0).mean == 3.5  # not 3.0, the mean of all scores


@pytest.mark.parametrize("table", [np.array([[1.0], [np.nan]]), np.array([1.0, np.nan]), np.empty((0, 2))])
def test_a_date_without_a_score_is_refused(table: Floats) -> None:
    with pytest.raises(UsageError, match="a score on every date"):
        block_bootstrap(table, 1, 10, seed=0)


@pytest.mark.parametrize("block", [0, 6])
def test_a_block_must_fit_the_dates(block: int) -> None:
    with pytest.raises(UsageError, match=f"block of 1 to 5 dates, found {block}"):
        block_bootstrap(np.arange(5.0), block, 10, seed=0)


def test_a_block_of_all_dates_only_turns_the_circle() -> None:
    found = block_bootstrap(np.arange(5.0), 5, 50, seed=0)
    assert (found.lower, found.upper) == pytest.approx((2.0, 2.0))


@given(differences, st.integers(1, 5), st.integers(0, 9))
def test_the_interval_holds_the_mean_and_repeats_by_seed(values: Floats, block: int, seed: int) -> None:
    found = block_bootstrap(values, block, 200, seed=seed)
    assert found.lower - 1e-12 <= found.mean <= found.upper + 1e-12
    assert found.mean == pytest.approx(values.mean())
    assert found == block_bootstrap(values, block, 200, seed=seed)


@given(differences, st.floats(-5, 5), st.floats(0.1, 10))
def test_the_interval_moves_and_stretches_with_the_differences(
    values: Floats, shift: float, unit: float
) -> None:
    before, after = (block_bootstrap(each, 2, 50, seed=1) for each in (values, unit * values + shift))
    assert after == pytest.approx([unit * end + shift for end in before], abs=1e-9)


def test_blocks_as_long_as_the_overlap_keep_the_promised_coverage() -> None:
    rng, held = np.random.default_rng(2), {1: 0, 10: 0}
    for _ in range(200):
        values = autocorrelated(200, rng)
        for block in held:
            found = block_bootstrap(values, block, 200, seed=1)
            held[block] += found.lower <= 0 <= found.upper
    assert held[10] / 200 > 0.8  # of 0.9 promised
    assert held[1] / 200 < 0.7  # single dates are far too sure
