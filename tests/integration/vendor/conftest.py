"""A Yahoo on the loopback that the settings point at, for the real yfinance client."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from yahoo_imitation import Yahoo, serve


@pytest.fixture
def yahoo(workplace: Path, migrated: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yahoo]:
    with serve() as server:
        monkeypatch.setenv("BANDCAST_SOURCE", "yahoo")
        monkeypatch.setenv("BANDCAST_YAHOO_URL", server.url)
        monkeypatch.setenv("BANDCAST_HISTORY_DAYS", "400")
        monkeypatch.setenv("BANDCAST_TRAIN_UNIVERSE", "own")  # a test of its own imitates a wider one
        yield server
