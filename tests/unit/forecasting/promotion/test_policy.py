"""Policy of models, as tables: when a new one is due, when it renews a champion, and which one serves."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from forecasting.errors import ArchitectureMismatchError, StoreError
from forecasting.promotion.policy import (
    Ladder,
    ModelAge,
    climb_down,
    is_renewal,
    is_retrain_due,
    rank_quality,
)
from forecasting.types import ModelStatus, Quality, values

AS_OF = date(2024, 6, 5)
MAX_AGE = 30


def before(days: int) -> date:
    return AS_OF - timedelta(days=days)


def aged(days: int, *, tested: int | None = None, version: str = "v1") -> ModelAge:
    """A model trained so many days ago and, perhaps, tested on sessions up to so many days ago."""
    return ModelAge(version, before(days), None if tested is None else before(tested))


@pytest.mark.parametrize(("model", "last_seen"), [(aged(90), before(90)), (aged(90, tested=5), before(5))])
def test_the_last_session_that_had_a_part_in_a_model(model: ModelAge, last_seen: date) -> None:
    assert model.last_seen == last_seen


@pytest.mark.parametrize(
    ("best", "active", "last_tested", "due"),
    [
        # No model yet, or the first choice cannot be rebuilt: due, unless a challenger was tested today.
        (None, None, None, True),
        (None, None, before(1), True),
        (None, None, AS_OF, False),
        (aged(1), None, None, True),
        (aged(1), None, AS_OF, False),
        (aged(1, version="v2"), aged(60, version="v1"), None, True),
        (aged(1, version="v2"), aged(60, version="v1"), before(1), True),
        (aged(1, version="v2"), aged(60, version="v1"), AS_OF, False),
        # The first choice serves: due once it is older than it may be.
        (aged(29), aged(29), None, False),
        (aged(30), aged(30), None, False),
        (aged(31), aged(31), None, True),
        # Its promotion test counts as its age, and so does the test of a refused challenger.
        (aged(90, tested=30), aged(90, tested=30), None, False),
        (aged(90, tested=31), aged(90, tested=31), None, True),
        (aged(90, tested=60), aged(90, tested=60), before(30), False),
        (aged(90, tested=60), aged(90, tested=60), before(31), True),
        (aged(90, tested=10), aged(90, tested=10), before(60), False),  # the newer of the two
        (aged(90), aged(90), AS_OF, False),
    ],
)
def test_a_retrain_is_due(
    best: ModelAge | None, active: ModelAge | None, last_tested: date | None, due: bool
) -> None:
    found = is_retrain_due(
        AS_OF,
        best=best.version if best else None,
        active=active,
        last_tested=last_tested,
        max_age_days=MAX_AGE,
    )
    assert found is due


def test_a_retrain_is_due_where_prices_that_the_model_saw_were_withdrawn() -> None:
    young = aged(1)
    found = [
        is_retrain_due(
            AS_OF,
            best=young.version,
            active=young,
            last_tested=AS_OF,
            max_age_days=MAX_AGE,
            saw_withdrawn=saw,
        )
        for saw in (True, False)
    ]
    assert found == [True, False]


@pytest.mark.parametrize(
    ("challenger", "champion", "renews"),
    [
        (before(0), None, False),
        (before(0), aged(31), True),
        (before(0), aged(30), False),  # not old
        (before(0), aged(60, tested=31), True),
        (before(0), aged(60, tested=30), False),
        (before(60), aged(60), False),  # has seen no later session
        (before(59), aged(60), True),
        (before(61), aged(60), False),
    ],
)
def test_a_challenger_renews_an_old_champion(
    challenger: date, champion: ModelAge | None, renews: bool
) -> None:
    assert is_renewal(challenger, champion, AS_OF, max_age_days=MAX_AGE) is renews


RUNGS: dict[ModelStatus, Quality] = {
    "champion": "champion",
    "baseline": "baseline",
    "retired": "previous",
    "candidate": "previous",
    "refused": "previous",
}


def test_every_status_has_a_rung() -> None:
    assert set(RUNGS) == set(values(ModelStatus))
    assert {status: rank_quality(status) for status in RUNGS} == RUNGS


def break_at(*broken: str) -> Callable[[str], str]:
    """A loader that cannot rebuild these versions."""

    def load(version: str) -> str:
        if version in broken:
            raise ArchitectureMismatchError(version, f"fault of {version}")
        return version

    return load


@pytest.mark.parametrize(
    ("versions", "broken", "active", "refused"),
    [
        ([], (), None, []),
        (["a"], (), "a", []),
        (["a", "b", "c"], (), "a", []),
        (["a", "b", "c"], ("a",), "b", ["a"]),
        (["a", "b", "c"], ("a", "b"), "c", ["a", "b"]),
        (["a", "b"], ("a", "b"), None, ["a", "b"]),
        (["a", "b", "c"], ("c",), "a", []),  # nothing below the first that works is loaded
    ],
)
def test_the_ladder_is_climbed_down_to_the_first_model_that_can_be_rebuilt(
    versions: list[str], broken: tuple[str, ...], active: str | None, refused: list[str]
) -> None:
    ladder = climb_down(versions, break_at(*broken))
    assert ladder.active == active
    assert list(ladder.refused) == refused
    assert all(f"fault of {version}" in reason for version, reason in ladder.refused.items())


def test_no_model_below_the_active_one_is_loaded() -> None:
    versions = iter(["a", "b"])
    assert climb_down(versions, break_at()) == Ladder("a", {})
    assert list(versions) == ["b"]


def test_another_fault_than_a_broken_model_ends_the_climb() -> None:
    def load(_version: str) -> None:
        raise StoreError("no database")

    with pytest.raises(StoreError, match="no database"):
        climb_down(["a", "b"], load)
