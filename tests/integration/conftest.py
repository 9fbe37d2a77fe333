"""Settings that make a run cheap, in a folder of their own, on either database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from workplace import enter_workplace, open_configured_store, place_store

from db import Store


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with no settings but the tiny ones."""
    enter_workplace(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def database(request: pytest.FixtureRequest, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both databases: the default SQLite file, and a PostgreSQL by URL."""
    if request.param == "postgres":
        monkeypatch.setenv("BANDCAST_DATABASE_URL", request.getfixturevalue("postgres_url"))


@pytest.fixture
def migrated(workplace: Path, sqlite_template: Path) -> None:
    """An empty store where the settings want it: to make one costs a quarter of a second."""
    place_store(sqlite_template)


@pytest.fixture
def store(migrated: None) -> Iterator[Store]:
    """The configured store."""
    with open_configured_store() as opened:
        yield opened
