"""Settings that make a run cheap, in a folder of their own; no server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from price_files import Write
from workplace import enter_workplace, open_configured_store, place_store

from db import Store
from flows.sources import CsvSource


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with no settings but the tiny ones."""
    enter_workplace(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No Prefect server, whatever other test files of this process have started."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield


@pytest.fixture
def migrated(workplace: Path, sqlite_template: Path) -> None:
    """An empty store where the settings want it: to make one costs a quarter of a second."""
    place_store(sqlite_template)


@pytest.fixture
def store(migrated: None) -> Iterator[Store]:
    """The configured store, empty."""
    with open_configured_store() as opened:
        yield opened


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of a ticker; the source that has it."""

    def write(text: str, ticker: str = "ACME") -> CsvSource:
        (tmp_path / f"{ticker}.csv").write_text(text)
        return CsvSource(tmp_path)

    return write
