"""Attribution of faults: to one ticker, to one model, or to the machine."""

import errno

import pytest

from forecasting.errors import (
    BandcastError,
    ModelError,
    PriceError,
    RungFailedError,
    SourceError,
    StoreError,
    TableError,
    UnexpectedError,
    VendorError,
)
from forecasting.faults import attribute_to_model, attribute_to_ticker, describe_error


@pytest.mark.parametrize(
    "error",
    [
        KeyError("zone"),
        ZeroDivisionError(),
        OverflowError("inf"),
        TableError("bars", "a", "b"),
        OSError(5, "I/O"),
    ],
)
def test_an_error_without_a_name_is_the_tickers_with_its_type_and_text(error: Exception) -> None:
    with pytest.raises(UnexpectedError) as caught, attribute_to_ticker("ACME"):
        raise error
    assert (caught.value.ticker, caught.value.reason) == ("ACME", "unexpected")
    assert describe_error(error) in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        VendorError("ACME", "nothing"),
        SourceError("no folder"),
        StoreError("no database"),
        ModelError("no model"),
        MemoryError(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EMFILE, "Too many open files"),
        KeyboardInterrupt(),
    ],
)
def test_a_named_error_and_a_fault_of_the_machine_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, attribute_to_model("m1", "ACME"):
        raise error
    assert caught.value is error


def test_errors_of_the_database_pass_where_a_block_reads_from_it() -> None:
    with pytest.raises(LookupError, match="gone"), attribute_to_ticker("ACME", passing=(LookupError,)):
        raise KeyError("gone")


def test_an_error_without_a_name_in_a_forecast_is_the_models() -> None:
    sentence = (
        r"Expected a forecast from model m1 for ACME, found IndexError \(of 3\); a lower rung takes over"
    )
    with pytest.raises(RungFailedError, match=sentence), attribute_to_model("m1", "ACME"):
        raise IndexError("of 3")


def test_a_text_from_outside_is_one_short_line_without_control_characters() -> None:
    text = describe_error(RuntimeError("first\nsecond \x1b[31m\u202e" + "x" * 1000))
    assert text.startswith("RuntimeError (first second x")
    assert text.isprintable()
    assert len(text) < 230
    assert describe_error(PriceError("ACME", "a sentence.")) == "ACME: a sentence."
    assert describe_error(BandcastError("a sentence.")) == "a sentence."
