"""Trust in a source that contradicts the store, as a table."""

from datetime import date, timedelta

import pytest

from forecasting.errors import (
    BadRangeError,
    GapError,
    ImplausibleCorrectionError,
    InstrumentChangedError,
    PriceJumpError,
    ScaleChangedError,
    StaleHistoryError,
    VendorError,
)
from forecasting.prices.trust import CONTRADICTIONS, TRUSTED_AFTER_SESSIONS, Refusal, is_trusted

AS_OF = date(2024, 6, 5)
SCALE = ScaleChangedError.reason


def refuse(*reasons: str, every: int = 1) -> list[Refusal]:
    """Refusals on the days before AS_OF, the newest first, some days apart."""
    return [
        Refusal(AS_OF - timedelta(days=every * (index + 1)), reason) for index, reason in enumerate(reasons)
    ]


@pytest.mark.parametrize(
    ("refusals", "trusted"),
    [
        ([], False),
        (refuse(*[SCALE] * 4), False),
        (refuse(*[SCALE] * 5), True),
        (refuse(*[SCALE] * 9), True),
        (refuse(InstrumentChangedError.reason, *[ImplausibleCorrectionError.reason] * 2, SCALE, SCALE), True),
        # One of the last five was no contradiction; what lies before does not count.
        (refuse(*[SCALE] * 4, GapError.reason), False),
        (refuse(StaleHistoryError.reason, *[SCALE] * 5), False),
        (refuse(*[SCALE] * 5, VendorError.reason), True),
        # Five in a row, but too long ago to be five sessions running.
        (refuse(*[SCALE] * 5, every=2), True),
        (refuse(*[SCALE] * 5, every=3), False),
        ([Refusal(AS_OF - timedelta(days=days), SCALE) for days in (1, 2, 3, 4, 14)], True),
        ([Refusal(AS_OF - timedelta(days=days), SCALE) for days in (1, 2, 3, 4, 15)], False),
    ],
)
def test_a_source_is_trusted_after_five_contradictions_running(
    refusals: list[Refusal], trusted: bool
) -> None:
    assert is_trusted(refusals, AS_OF) is trusted


@pytest.mark.parametrize(
    ("reason", "contradicts"),
    [
        (InstrumentChangedError.reason, True),
        (ScaleChangedError.reason, True),
        (ImplausibleCorrectionError.reason, True),
        (PriceJumpError.reason, False),  # a bad bar stays a bad bar, however often it is served
        (BadRangeError.reason, False),
    ],
)
def test_only_what_contradicts_the_store_can_be_right_in_the_end(reason: str, contradicts: bool) -> None:
    assert (reason in CONTRADICTIONS) is contradicts
    assert is_trusted(refuse(*[reason] * TRUSTED_AFTER_SESSIONS), AS_OF) is contradicts
