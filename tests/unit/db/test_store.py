"""The store: sources, transactions, models, and databases that cannot be opened."""

import threading
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from db import ModelRecord, Store, inspect_store, open_existing, open_reader, open_store, upgrade_store
from db.engine import display_url, open_engine, writing
from db.migrate import downgrade, read_head
from forecasting.errors import (
    ArchitectureMismatchError,
    MigrationBehindError,
    ModelError,
    NoStoreError,
    UnknownMigrationError,
)

Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def rebuilt(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Versions that were rebuilt, in order, by a stand-in for the core."""
    versions: list[str] = []

    def load(version: str, weights: bytes, config: str) -> SimpleNamespace:
        versions.append(version)
        return SimpleNamespace(version=version, weights=weights, config=config)

    monkeypatch.setattr("forecasting.model.artifact.load_stored_model", load)
    return versions


def test_an_empty_database_is_set_up(url: str) -> None:
    assert inspect_store(url).migration is None
    with open_store(url, "sample") as store:
        assert store.source == "sample"
        with store.reading() as tx:
            assert tx.source == "sample"
            assert tx.models.list(all_sources=True) == ()
    status = inspect_store(url)
    assert status.is_current
    assert status.migration == status.needed == read_head()


def test_a_database_of_another_release_is_named_and_can_be_upgraded(url: str) -> None:
    upgrade_store(url)
    engine = open_engine(url)
    downgrade(engine, "0003")
    engine.dispose()
    assert not inspect_store(url).is_current
    with pytest.raises(
        MigrationBehindError, match=f"at migration {read_head()}, found 0003; run `bandcast db"
    ):
        open_store(url, "sample")
    assert upgrade_store(url) == read_head()
    open_store(url, "sample").close()


def test_a_database_of_a_newer_release_has_the_advice_to_install_it(url: str) -> None:
    upgrade_store(url)
    assert inspect_store(url).is_known
    engine = open_engine(url)
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0999'"))
    engine.dispose()
    status = inspect_store(url)
    assert (status.is_known, status.advice) == (False, "install the newer release that made it")
    for refuse in (open_store, open_reader, open_existing):
        with pytest.raises(UnknownMigrationError, match="found it at 0999, which a newer release has made"):
            refuse(url, "sample")


def test_what_needs_a_store_makes_none(url: str) -> None:
    with pytest.raises(NoStoreError):
        open_existing(url, "sample")
    assert inspect_store(url).migration is None
    upgrade_store(url)
    with open_existing(url, "sample") as store, store.writing() as tx:
        assert tx.models.list(all_sources=True) == ()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3cret@host:5433/d", "postgresql://host:5433/d"),
        ("postgresql://me:s3c%40%2Fret@host/d", "postgresql://host/d"),
        ("postgresql://host/d?user=me&password=s3cret&sslmode=require", "postgresql://host/d"),
        ("postgresql://[::1]/d?passfile=s3cret", "postgresql://[::1]/d"),
        ("sqlite:////tmp/d.db", "sqlite:////tmp/d.db"),
        ("sqlite:////tmp/me@home/d.db", "sqlite:////tmp/me@home/d.db"),
    ],
)
def test_only_driver_host_port_and_database_are_shown(url: str, shown: str) -> None:
    assert display_url(sa.make_url(url)) == shown


def test_a_store_shows_no_secret() -> None:
    store = Store(open_engine("postgresql://me:s3cret@host/d"), "sample")
    assert store.display_url == "postgresql+psycopg://host/d"


def test_a_block_that_fails_writes_nothing(store: Store, model: ModelRecord, dump: Dump) -> None:
    before = dump()

    def add_half() -> None:
        with store.writing() as tx:
            tx.models.add(model)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        add_half()
    assert dump() == before


def test_one_database_serves_two_sources(store: Store, model: ModelRecord) -> None:
    with store.writing() as tx:
        tx.models.add(model)
    other = store.for_source("yahoo")
    assert (other.source, other.engine) == ("yahoo", store.engine)
    with other.reading() as tx:
        assert tx.models.list() == ()
        assert [record.version for record in tx.models.list(all_sources=True)] == ["m1"]
        assert [record.version for record in tx.for_source("sample").models.list()] == ["m1"]


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
def test_a_reading_transaction_cannot_write(store: Store, model: ModelRecord) -> None:
    with pytest.raises(sa.exc.InternalError, match="read-only"), store.reading() as tx:
        tx.models.add(model)


def test_a_closed_store_keeps_no_connection(migrated_url: str) -> None:
    with open_store(migrated_url, "sample") as store, store.reading() as tx:
        tx.prices.list_sources()
    assert store.engine.pool.status().startswith("Pool size: 5  Connections in pool: 0")


def test_the_last_models_are_kept(store: Store, model: ModelRecord, rebuilt: list[str]) -> None:
    versions = [f"m{number}" for number in range(5)]
    with store.writing() as tx:
        for version in versions:
            tx.models.add(replace(model, version=version))
    first = store.load_model("m0")
    assert store.for_source("yahoo").load_model("m0") is first
    for version in versions:
        store.load_model(version)
    assert rebuilt == versions
    store.load_model("m0")
    assert rebuilt == [*versions, "m0"]


def test_threads_may_load_the_same_model(store: Store, model: ModelRecord, rebuilt: list[str]) -> None:
    with store.writing() as tx:
        tx.models.add(model)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(store.load_model("m1"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert set(rebuilt) == {"m1"}


def test_models_that_cannot_be_loaded_are_named(store: Store, model: ModelRecord) -> None:
    with store.writing() as tx:
        tx.models.add(model)
    with pytest.raises(
        ModelError, match="Expected model m9 in the store, found none; run `bandcast retrain`"
    ):
        store.load_model("m9")
    with pytest.raises(ArchitectureMismatchError, match="Expected the weights of model m1 to fit"):
        store.load_model("m1")
