"""Trust in a source that contradicts the store, as a table."""

from datetime import date, timedelta

import pytest

from forecasting.errors import (
    BadRangeError,
    GapError,
    ImplausibleCorrectionError,
    InstrumentChangedError,
    PriceJumpError,
    RateLimitedError,
    ScaleChangedError,
    ShortHistoryError,
    StaleHistoryError,
    VendorError,
)
from forecasting.prices.trust import AGREEMENTS, CONTRADICTIONS, Refusal, is_trusted

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
        # Whatever the reasons: a window that moves on meets the edge of the old scale, a bad bar on the way.
        (refuse(SCALE, PriceJumpError.reason, SCALE, BadRangeError.reason, SCALE), True),
        (refuse(*[PriceJumpError.reason] * 5), True),
        (refuse(*[SCALE] * 4, PriceJumpError.reason), True),
        # One of the last five was stored; what lies before does not count.
        (refuse(*[SCALE] * 4, GapError.reason), False),
        (refuse(StaleHistoryError.reason, *[SCALE] * 5), False),
        (refuse(ShortHistoryError.reason, *[SCALE] * 5), False),
        # No prices came: neither for nor against.
        (refuse(*[SCALE] * 5, VendorError.reason), True),
        (refuse(VendorError.reason, SCALE, RateLimitedError.reason, *[SCALE] * 4), True),
        (refuse(*[SCALE] * 4, VendorError.reason), False),
        (refuse(*[VendorError.reason] * 9), False),
        # Five in a row, but too long ago to be five sessions running.
        (refuse(*[SCALE] * 5, every=2), True),
        (refuse(*[SCALE] * 5, every=3), False),
        ([Refusal(AS_OF - timedelta(days=days), SCALE) for days in (1, 2, 3, 4, 14)], True),
        ([Refusal(AS_OF - timedelta(days=days), SCALE) for days in (1, 2, 3, 4, 15)], False),
    ],
)
def test_a_source_is_trusted_after_five_refusals_running(refusals: list[Refusal], trusted: bool) -> None:
    assert is_trusted(refusals, AS_OF) is trusted


@pytest.mark.parametrize(("stored_through", "trusted"), [(-6, True), (-5, False), (-2, False), (0, False)])
def test_refusals_before_a_run_that_stored_bars_are_settled(stored_through: int, trusted: bool) -> None:
    through = AS_OF + timedelta(days=stored_through)
    assert is_trusted(refuse(*[SCALE] * 5), AS_OF, stored_through=through) is trusted


def test_every_reason_that_refuses_bars_contradicts() -> None:
    assert sorted(CONTRADICTIONS) == [
        "bad_bars",
        "bad_range",
        "implausible_correction",
        "instrument_changed",
        "non_positive_price",
        "price_jump",
        "scale_changed",
        "unadjusted_split",
        "wrong_sessions",
    ]
    assert not CONTRADICTIONS & AGREEMENTS
