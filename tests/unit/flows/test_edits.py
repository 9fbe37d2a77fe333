"""Edits of what a server has, as `serve` and `deploy` print them."""

from typing import Any

import pytest

from flows.prefect_runtime.changes import Edit

NEW_YORK = {"timezone": "America/New_York"}


def schedule(slug: str, cron: str, **others: Any) -> dict[str, Any]:
    """A schedule as `list_fields` has it."""
    when = {"cron": cron} | NEW_YORK
    return {"slug": slug, "schedule": when, "active": True, "parameters": {}} | others


MORNING = schedule("morning-catch-up", "0 8 * * 2-6")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            [schedule("after-close", "45 18 * * 1-5"), MORNING],
            [schedule("after-close", "30 18 * * 1-5"), MORNING],
            "['after-close: 45 18 * * 1-5 America/New_York'] becomes "
            "['after-close: 30 18 * * 1-5 America/New_York']",
        ),
        (
            [MORNING | {"active": False}],
            [MORNING],
            "['morning-catch-up: 0 8 * * 2-6 America/New_York, off'] becomes "
            "['morning-catch-up: 0 8 * * 2-6 America/New_York']",
        ),
        (
            [MORNING, schedule("noon", "0 12 * * 1-5", parameters={"horizon": 7})],
            [MORNING],
            "[\"noon: 0 12 * * 1-5 America/New_York, {'horizon': 7}\"] becomes []",
        ),
    ],
    ids=["another time", "switched off", "added"],
)
def test_schedules_are_shown_by_what_differs(
    before: list[dict[str, Any]], after: list[dict[str, Any]], expected: str
) -> None:
    assert Edit("schedules", before, after).describe() == f"schedules {expected}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"catch_up": "fill", "horizon": 7}, {"catch_up": "fill"}, "{'horizon': 7} becomes {}"),
        ({"catch_up": None}, {}, "{'catch_up': None} becomes {}"),
        (["mine", "store=a"], ["store=a"], "['mine'] becomes []"),
        (["a", "b"], ["b", "a"], "['a', 'b'] becomes ['b', 'a']"),
        (["a", "a"], ["a"], "['a', 'a'] becomes ['a']"),
        (None, {"limit": 1}, "None becomes {'limit': 1}"),
        (True, False, "True becomes False"),
    ],
    ids=str,
)
def test_other_values_are_shown_by_what_differs(before: Any, after: Any, expected: str) -> None:
    assert Edit("field", before, after).describe() == f"field {expected}"
