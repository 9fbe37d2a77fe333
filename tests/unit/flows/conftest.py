"""Settings that make a run cheap, in a folder of their own; no server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from workplace import close_store, enter_workplace


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, with no settings but the tiny ones."""
    enter_workplace(tmp_path, monkeypatch)
    yield tmp_path
    close_store()
