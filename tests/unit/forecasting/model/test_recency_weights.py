"""Recency weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.model.dataset import weigh_by_recency
from forecasting.types import Weighting, values

ENDS = np.array([0.0, 1.0])


def test_linear_weights_rise_from_one_half_to_one_before_scaling() -> None:
    np.testing.assert_allclose(weigh_by_recency(ENDS, "linear"), [0.5 / 0.75, 1.0 / 0.75])


def test_exponential_weights_span_a_factor_of_twenty() -> None:
    oldest, newest = weigh_by_recency(ENDS, "exponential")
    assert newest / oldest == pytest.approx(np.exp(3))
    assert newest / oldest == pytest.approx(20, rel=0.01)


def test_weights_may_be_flat() -> None:
    assert weigh_by_recency(ENDS, "none").tolist() == [1.0, 1.0]


@settings(max_examples=50)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60).map(sorted),
    st.sampled_from(values(Weighting)),
)
def test_weights_have_mean_one_and_never_fall_with_time(positions: list[float], weighting: Weighting) -> None:
    weights = weigh_by_recency(np.array(positions), weighting)
    assert weights.mean() == pytest.approx(1)
    assert (np.diff(weights) >= 0).all()
    assert (weights > 0).all()
