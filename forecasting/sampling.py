"""Draw a stated number of values where all would take too long."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def draw_sample(values: Sequence[T], most: int, *, seed: int) -> list[T]:
    """Return at most so many of the values, in their order; which ones depends on seed and number alone.

    >>> draw_sample("abcdef", 3, seed=7) == draw_sample("abcdef", 3, seed=7)
    True
    """
    if len(values) <= most:
        return list(values)
    chosen = np.random.default_rng(seed).choice(len(values), most, replace=False)
    return [values[index] for index in sorted(chosen.tolist())]
