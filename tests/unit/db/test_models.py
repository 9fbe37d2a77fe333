"""Champions, the ladder below them, and what changes them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from db import ModelRecord, Rollback, Store, Transaction
from db.engine import writing
from db.schema import model_versions
from forecasting.errors import StoreError, UnreadableModelError

Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def stored(store: Store, model: ModelRecord) -> Store:
    """Models m1 to m4 of one source, each trained a year further; all but m3 have served, m4 is champion."""
    with store.writing() as tx:
        for years in range(4):
            version = f"m{years + 1}"
            through = date(2020 + years, 12, 31)
            created_at = model.created_at + timedelta(days=years)
            tx.models.add(replace(model, version=version, trained_through=through, created_at=created_at))
            if version != "m3":
                tx.models.promote(version)
        tx.models.refuse("m3")
        tx.models.add(replace(model, version="other", source="yahoo"))
        tx.models.promote("other")
    return store


def first(tx: Transaction, as_of: date) -> str | None:
    ladder = tx.models.list_ladder(as_of, most=1)
    return ladder[0] if ladder else None


def test_comes_back_as_it_went_in(store: Store, model: ModelRecord) -> None:
    record = replace(model, metrics={"pinball": np.float64(0.25), "gain": float("nan")})
    with store.writing() as tx:
        tx.models.add(record)
        found = tx.models.get("m1")
    assert found is not None
    assert replace(found, metrics={}) == replace(model, metrics={})
    np.testing.assert_equal(found.metrics, record.metrics)


@pytest.mark.parametrize(
    ("as_of", "version"),
    [
        (date(2024, 1, 2), "m4"),
        (date(2023, 12, 31), "m4"),
        (date(2023, 12, 30), "m2"),  # m3 never served
        (date(2021, 6, 1), "m1"),
        (date(2020, 12, 30), None),
    ],
)
def test_the_ladder_has_not_seen_the_future(stored: Store, as_of: date, version: str | None) -> None:
    with stored.reading() as tx:
        assert first(tx, as_of) == version


def test_a_promoted_older_model_serves_before_a_younger_retired_one(stored: Store) -> None:
    with stored.writing() as tx:
        tx.models.promote("m1")
        assert first(tx, date(2024, 1, 2)) == "m1"


def test_promotion_retires_the_one_before_and_only_of_that_source(stored: Store) -> None:
    with stored.reading() as tx:
        found = statuses(tx)
    assert found == {"m1": "retired", "m2": "retired", "m3": "refused", "m4": "champion", "other": "champion"}


def test_adding_and_promoting_again_changes_nothing(stored: Store, model: ModelRecord, dump: Dump) -> None:
    before = dump()
    with stored.writing() as tx:
        tx.models.promote("m4")
        tx.models.add(replace(model, version="m4", config="other"))
    assert dump() == before


def test_the_database_allows_one_champion_a_source(stored: Store) -> None:
    second = sa.update(model_versions).where(model_versions.c.version == "m1").values(status="champion")
    with pytest.raises(sa.exc.IntegrityError), writing(stored.engine) as connection:
        connection.execute(second)


def test_listing_is_newest_first_and_spares_the_weights(stored: Store) -> None:
    with stored.reading() as tx:
        found = tx.models.list()
    assert [record.version for record in found] == ["m4", "m3", "m2", "m1"]
    assert {record.weights for record in found} == {b""}


@pytest.mark.parametrize("verb", ["promote", "refuse"])
def test_unknown_versions_are_named(store: Store, verb: str) -> None:
    with pytest.raises(StoreError, match="Expected a stored model m9, found none"), store.writing() as tx:
        getattr(tx.models, verb)("m9")


def statuses(tx: Transaction) -> dict[str, str]:
    return {record.version: record.status for record in tx.models.list(all_sources=True)}


def test_the_ladder_goes_down_from_the_champion(stored: Store) -> None:
    with stored.reading() as tx:
        assert tx.models.list_ladder(date(2024, 1, 2)) == ["m4", "m2", "m1"]


def test_a_model_chosen_on_later_sessions_does_not_serve_before(stored: Store) -> None:
    with stored.writing() as tx:
        tx.models.promote("m4", date(2024, 3, 1))
        assert first(tx, date(2024, 3, 1)) == "m4"
        assert first(tx, date(2024, 2, 29)) == "m2"
        record = tx.models.get("m4")
    assert record is not None
    assert record.evaluated_through == date(2024, 3, 1)


def test_a_model_evaluated_earlier_does_not_displace_the_champion(stored: Store, model: ModelRecord) -> None:
    with stored.writing() as tx:
        tx.models.add(replace(model, version="past", trained_through=date(2022, 6, 1)))
        tx.models.promote("past", date(2022, 9, 1))
        assert first(tx, date(2024, 1, 2)) == "m4"
        assert first(tx, date(2022, 10, 1)) == "past"


def test_rolling_back_activates_the_one_before_and_never_a_refused_one(stored: Store) -> None:
    with stored.writing() as tx:
        tx.models.add_baseline(datetime(2024, 1, 1, tzinfo=UTC))
        assert tx.models.rollback() == Rollback(active="m2", withdrawn="m4")
        assert tx.models.rollback() == Rollback(active="m1", withdrawn="m2")
        with pytest.raises(StoreError, match="found none before it"):
            tx.models.rollback()
        found = statuses(tx)
    assert found["m1"] == "champion"
    assert {found[version] for version in ("m2", "m3", "m4")} == {"refused"}
    assert (found["random-walk"], found["other"]) == ("baseline", "champion")


def test_only_the_champion_that_was_named_is_taken_back(stored: Store) -> None:
    with stored.writing() as tx:
        before = statuses(tx)
        with pytest.raises(StoreError, match=r"Expected the champion m2 of '.+', found m4; see"):
            tx.models.rollback("m2")
        assert statuses(tx) == before
        assert tx.models.rollback("m4") == Rollback(active="m2", withdrawn="m4")


def prune_weights(store: Store, version: str) -> None:
    with writing(store.engine) as connection:
        is_named = model_versions.c.version == version
        connection.execute(sa.update(model_versions).where(is_named).values(weights=b""))


def test_a_model_without_weights_is_no_place_to_roll_back_to(stored: Store) -> None:
    prune_weights(stored, "m2")
    with stored.writing() as tx:
        assert tx.models.rollback() == Rollback(active="m1", withdrawn="m4")


def test_a_model_that_is_made_again_gets_its_pruned_weights_back(stored: Store, model: ModelRecord) -> None:
    prune_weights(stored, "m3")
    with stored.writing() as tx:
        tx.models.add(replace(model, version="m3"))
        found, kept = tx.models.get("m3"), tx.models.get("m4")
    assert found is not None
    assert (found.weights, found.status) == (model.weights, "refused")
    assert found.trained_through == date(2022, 12, 31)
    assert kept is not None
    assert kept.weights == model.weights


def test_without_a_champion_there_is_nothing_to_roll_back(store: Store) -> None:
    with store.writing() as tx, pytest.raises(StoreError, match="found no champion"):
        tx.models.rollback()


def test_the_random_walk_has_one_row_for_all_sources(stored: Store, dump: Dump) -> None:
    with stored.writing() as tx:
        assert tx.models.add_baseline(datetime(2024, 1, 1, tzinfo=UTC)) == "random-walk"
    before = dump()
    with stored.for_source("any").writing() as tx:
        tx.models.add_baseline(datetime(2025, 1, 1, tzinfo=UTC))
        assert first(tx, date(2024, 1, 2)) is None
    assert dump() == before


UNREADABLE = {
    "metrics": ("metrics", '{"crps'),
    "metrics of another kind": ("metrics", "[1]"),
    "time of training": ("created_at", "soon"),
    "last session": ("trained_through", "2023-99-99"),
    "last session of the test": ("gated_as_of", "yesterday"),
}


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)  # PostgreSQL lets no such value in
@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_row_keeps_its_rung_and_is_refused_by_name(stored: Store, kind: str) -> None:
    column, value = UNREADABLE[kind]
    with writing(stored.engine) as connection:
        update = sa.text(f"UPDATE model_versions SET {column} = :value WHERE version = 'm4'")
        connection.execute(update, {"value": value})
    refused = "Expected a readable row of model m4 in model_versions, found .*; restore the row or run"
    with stored.writing() as tx:
        assert tx.models.list_ladder(date(2024, 1, 2)) == ["m4", "m2", "m1"]
        for read in (lambda: tx.models.get("m4"), tx.models.list, tx.models.rollback):
            with pytest.raises(UnreadableModelError, match=refused):
                read()
        tx.models.promote("m2", date(2024, 1, 1))  # a challenger takes its place all the same
        assert first(tx, date(2024, 1, 2)) == "m2"
    with pytest.raises(UnreadableModelError, match=refused):
        stored.load_model("m4")
