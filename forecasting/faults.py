"""Attribution of faults: what one ticker's prices or one model raise concerns that ticker or model alone.

Faults of the machine (no memory, no room on the disk, no file handles) concern everything and pass.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from forecasting.errors import (
    BandcastError,
    CalendarError,
    ModelError,
    PriceError,
    RungFailedError,
    SourceError,
    StoreError,
    UnexpectedError,
)
from forecasting.text import clean_text

LONGEST_TEXT = 200  # characters of a foreign error's text
_NAMED = (PriceError, CalendarError, SourceError, ModelError, StoreError)
_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


@contextmanager
def attribute_to_ticker(ticker: str, *, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn an unforeseen error of a block into a fault of one ticker.

    Args:
        ticker: The symbol.
        passing: Errors of the database, where the block reads from it: they concern every ticker.

    Raises:
        UnexpectedError: The block raised an error that has no name in `forecasting.errors`.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, _NAMED + passing) or concerns_machine(error):
            raise
        raise UnexpectedError(ticker, describe_error(error)) from error


@contextmanager
def attribute_to_model(version: str, ticker: str) -> Iterator[None]:
    """Turn an unforeseen error of a forecast into a fault of the model that made it.

    Raises:
        RungFailedError: The block raised an error that has no name in `forecasting.errors`.
    """
    try:
        with attribute_to_ticker(ticker):
            yield
    except UnexpectedError as error:
        found = describe_error(error.__cause__ or error)
        raise RungFailedError(version, ticker, "a forecast", found) from error


def concerns_machine(error: BaseException) -> bool:
    """Return whether an error is about the machine, so that no other ticker or model would fare better."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _MACHINE)


def describe_error(error: BaseException) -> str:
    r"""Return type and text of an error on one line without control characters, shortened.

    An error that was raised on purpose is its sentence alone.

    >>> describe_error(ValueError("two\nlines \x1b[31mred"))
    'ValueError (two lines red)'
    """
    text = clean_text(error, LONGEST_TEXT)
    if isinstance(error, BandcastError):
        return text
    return f"{type(error).__name__} ({text})" if text else type(error).__name__
