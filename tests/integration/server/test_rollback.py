"""The rollback deployment's flow: the version of the champion is typed twice, or nothing changes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from flow_runs import fail, run_state

from db import ModelRecord, Store
from flows.rollback import rollback

pytestmark = pytest.mark.usefixtures("prefect_url")

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
OLD = ModelRecord("old", "sample", date(2023, 9, 1), b"none", "{}", {}, "f", NOON)


@pytest.fixture
def list_statuses(store: Store) -> Callable[[], dict[str, str]]:
    """Version -> status of two models, of which the newer one is the champion."""
    with store.writing() as tx:
        for record in (OLD, replace(OLD, version="new", trained_through=date(2023, 11, 1))):
            tx.models.add(record)
            tx.models.promote(record.version)

    def read() -> dict[str, str]:
        with store.reading() as tx:
            return {model.version: model.status for model in tx.models.list()}

    return read


def test_the_champion_is_taken_back_once_however_often_the_form_is_sent(
    list_statuses: Callable[[], dict[str, str]],
) -> None:
    state = run_state(rollback, champion="new", again="new")
    assert (state.type.value, state.message) == ("COMPLETED", "Model old serves; new was taken back.")
    rolled_back = {"old": "champion", "new": "refused"}
    assert list_statuses() == rolled_back
    assert "none before it" in str(fail(rollback, champion="new", again="new"))
    assert list_statuses() == rolled_back


@pytest.mark.parametrize(
    ("champion", "again", "sentence"),
    [
        ("new", "mew", "Expected the same version twice, found new and mew; type it again."),
        ("old", "old", "Expected the champion old of 'sample', found new; see `bandcast models`."),
    ],
)
def test_another_version_changes_nothing(
    list_statuses: Callable[[], dict[str, str]], champion: str, again: str, sentence: str
) -> None:
    assert str(fail(rollback, champion=champion, again=again)) == sentence
    assert list_statuses() == {"old": "retired", "new": "champion"}
