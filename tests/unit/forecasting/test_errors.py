"""The errors: the tree in the docstring is the real one, and each price error has a reason of its own."""

import inspect
import re
from datetime import date

import pytest

from forecasting import errors
from forecasting.errors import BandcastError, PriceError

CLASSES = {
    name: each
    for name, each in vars(errors).items()
    if inspect.isclass(each) and each.__module__.startswith(f"{errors.__name__}.")
}
PRICE_ERRORS = [each for each in CLASSES.values() if issubclass(each, PriceError)]


def read_tree(docstring: str) -> dict[str, str]:
    """Class -> parent, by the indentation of the drawn tree."""
    parents: dict[str, str] = {}
    branch: list[tuple[int, str]] = []
    for line in docstring.splitlines():
        drawn = re.match(r"([ │├└─]*)(\w+Error)\b", line)
        if drawn is None:
            continue
        depth, name = len(drawn[1]), drawn[2]
        branch = [above for above in branch if above[0] < depth]
        parents[name] = branch[-1][1] if branch else ""
        branch.append((depth, name))
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    real = {name: each.__mro__[1].__name__ for name, each in CLASSES.items() if each is not BandcastError}
    assert read_tree(errors.__doc__ or "") == {"BandcastError": "", **real}


def test_each_error_is_documented() -> None:
    assert all((each.__doc__ or "").rstrip().endswith(".") for each in CLASSES.values())


def test_each_price_error_has_a_reason_of_its_own() -> None:
    reasons = [error.reason for error in PRICE_ERRORS]
    assert len(set(reasons)) == len(reasons)
    assert all(reason == reason.lower() and reason.isidentifier() for reason in reasons)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            errors.GapError("ACME", [date(2024, 6, 3), date(2024, 6, 4)]),
            "ACME: expected a bar for every session, found none for 2024-06-04 and 1 more; "
            "run again when it is out.",
        ),
        (
            errors.PromotionError(found=5, needed=12),
            "Expected at least 12 dates that neither model was trained on to compare them, found 5; "
            "load more history, or wait.",
        ),
        (
            errors.NoModelError("2024-06-05-0123456789"),
            "Expected model 2024-06-05-0123456789 in the store, found none; run `bandcast retrain`.",
        ),
        (
            errors.RateLimitedError("ACME"),
            "ACME: expected daily prices from the vendor, found a refusal for too many requests (429); "
            "run again later.",
        ),
    ],
)
def test_an_error_words_what_was_expected_what_was_found_and_what_to_do(
    error: BandcastError, sentence: str
) -> None:
    assert str(error) == sentence
