"""Which model serves."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from db.engine import reading, writing
from db.repositories.models import ModelRepository
from db.schema import model_versions
from forecasting.errors import StoreError


@pytest.fixture
def stored(engine, model):
    """Models m1 to m4 of one source, each trained a year further; all but m3 have served, m4 is champion."""
    with writing(engine) as conn:
        models = ModelRepository(conn)
        for years in range(4):
            version = f"m{years + 1}"
            through = date(2020 + years, 12, 31)
            created_at = model.created_at + timedelta(days=years)
            models.add(replace(model, version=version, trained_through=through, created_at=created_at))
            if version != "m3":
                models.promote(version)
        models.refuse("m3")
        models.add(replace(model, version="other", source="yahoo"))
        models.promote("other")
    return engine


def test_comes_back_as_it_went_in(engine, model):
    record = replace(model, metrics={"pinball": np.float64(0.25), "gain": float("nan")})
    with writing(engine) as conn:
        ModelRepository(conn).add(record)
        found = ModelRepository(conn).get("m1")
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
def test_champion_has_not_seen_the_future(stored, as_of, version):
    with reading(stored) as conn:
        found = ModelRepository(conn).champion("sample", as_of)
    assert (found.version if found else None) == version


def test_a_promoted_older_model_serves_before_a_younger_retired_one(stored):
    with writing(stored) as conn:
        ModelRepository(conn).promote("m1")
        assert ModelRepository(conn).champion("sample", date(2024, 1, 2)).version == "m1"


def test_promotion_retires_the_one_before_and_only_of_that_source(stored):
    with reading(stored) as conn:
        found = {record.version: record.status for record in ModelRepository(conn).list()}
    assert found == {"m1": "retired", "m2": "retired", "m3": "refused", "m4": "champion", "other": "champion"}


def test_adding_and_promoting_again_changes_nothing(stored, model, dump):
    before = dump()
    with writing(stored) as conn:
        ModelRepository(conn).promote("m4")
        ModelRepository(conn).add(replace(model, version="m4", config="other"))
    assert dump() == before


def test_the_database_holds_to_one_champion_a_source(stored):
    second = sa.update(model_versions).where(model_versions.c.version == "m1").values(status="champion")
    with pytest.raises(sa.exc.IntegrityError), writing(stored) as conn:
        conn.execute(second)


def test_listing_is_newest_first_and_spares_the_weights(stored):
    with reading(stored) as conn:
        found = ModelRepository(conn).list("sample")
    assert [record.version for record in found] == ["m4", "m3", "m2", "m1"]
    assert {record.weights for record in found} == {b""}


@pytest.mark.parametrize("verb", ["promote", "refuse"])
def test_unknown_versions_are_named(engine, verb):
    with pytest.raises(StoreError, match="Expected a stored model m9, found none"), writing(engine) as conn:
        getattr(ModelRepository(conn), verb)("m9")


def statuses(conn):
    return {record.version: record.status for record in ModelRepository(conn).list()}


def test_the_ladder_goes_down_from_the_champion(stored):
    with reading(stored) as conn:
        ladder = ModelRepository(conn).ladder("sample", date(2024, 1, 2))
    assert [record.version for record in ladder] == ["m4", "m2", "m1"]


def test_a_model_chosen_for_what_it_did_later_does_not_serve_before(stored):
    with writing(stored) as conn:
        ModelRepository(conn).promote("m4", date(2024, 3, 1))
        assert ModelRepository(conn).champion("sample", date(2024, 3, 1)).version == "m4"
        assert ModelRepository(conn).champion("sample", date(2024, 2, 29)).version == "m2"


def test_a_model_gated_for_an_earlier_day_does_not_displace_the_champion(stored, model):
    with writing(stored) as conn:
        models = ModelRepository(conn)
        models.add(replace(model, version="past", trained_through=date(2022, 6, 1)))
        models.promote("past", date(2022, 9, 1))
        assert models.champion("sample", date(2024, 1, 2)).version == "m4"
        assert models.champion("sample", date(2022, 10, 1)).version == "past"


def test_rolling_back_lets_the_one_before_serve_and_never_a_refused_one(stored):
    with writing(stored) as conn:
        models = ModelRepository(conn)
        models.add_baseline(datetime(2024, 1, 1, tzinfo=UTC))
        assert models.rollback("sample") == ("m2", "m4")
        assert models.rollback("sample") == ("m1", "m2")
        with pytest.raises(StoreError, match="found none before it"):
            models.rollback("sample")
        found = statuses(conn)
    assert found["m1"] == "champion"
    assert {found[version] for version in ("m2", "m3", "m4")} == {"refused"}
    assert (found["random-walk"], found["other"]) == ("baseline", "champion")


def test_without_a_champion_there_is_nothing_to_roll_back(engine):
    with writing(engine) as conn, pytest.raises(StoreError, match="found no champion"):
        ModelRepository(conn).rollback("sample")


def test_the_random_walk_has_one_row_for_all_sources(stored, dump):
    with writing(stored) as conn:
        assert ModelRepository(conn).add_baseline(datetime(2024, 1, 1, tzinfo=UTC)) == "random-walk"
    before = dump()
    with writing(stored) as conn:
        ModelRepository(conn).add_baseline(datetime(2025, 1, 1, tzinfo=UTC))
        assert ModelRepository(conn).champion("any", date(2024, 1, 2)) is None
    assert dump() == before
