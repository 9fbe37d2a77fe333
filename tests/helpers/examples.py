"""How many examples a costly property gets: few in every run, many in `make long`."""

import os

from hypothesis import HealthCheck, settings

FRESH = os.environ.get("HYPOTHESIS_PROFILE") == "fresh"


def examples(number: int) -> settings:
    """Return settings for so many examples, five times as many where they are drawn anew."""
    return settings(
        max_examples=number * (5 if FRESH else 1),
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
