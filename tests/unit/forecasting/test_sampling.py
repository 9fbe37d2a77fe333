"""A sample keeps the order and depends on seed and number alone."""

import pytest

from forecasting.sampling import draw_sample


@pytest.mark.parametrize(
    ("count", "most", "drawn"), [(0, 3, 0), (2, 3, 2), (3, 3, 3), (100, 4, 4), (5, 0, 0)]
)
def test_at_most_so_many_are_drawn_in_their_order(count: int, most: int, drawn: int) -> None:
    sample = draw_sample(range(count), most, seed=7)
    assert len(set(sample)) == drawn
    assert sample == sorted(sample)


def test_the_seed_decides_which_and_another_draws_others() -> None:
    names = [f"T{index}" for index in range(500)]
    first = draw_sample(names, 60, seed=7)
    assert draw_sample(names, 60, seed=7) == first
    assert draw_sample(names, 60, seed=8) != first
    assert first != names[:60]
