"""An empty folder to work in, with no settings but those that make a run cheap."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import Store, open_store
from db.file_history import find_file
from flows.settings import load_settings

TINY = {
    "BANDCAST_MODEL__NETWORK__HIDDEN": "8",
    "BANDCAST_MODEL__TRAINING__MAX_EPOCHS": "2",
    "BANDCAST_MODEL__TRAINING__HISTORY_SESSIONS": "300",
    "BANDCAST_MODEL__LOG_HAR__HISTORY_SESSIONS": "300",
    "BANDCAST_MODEL__LOG_HAR__MAX_ITERATIONS": "5",
    "BANDCAST_SIMULATION__DROPOUT_RUNS": "4",
    "BANDCAST_SIMULATION__NOISE_PATHS": "3",
    "BANDCAST_CALIBRATION__FEWEST_OUTCOMES": "0",
    "BANDCAST_GATE__SESSIONS": "30",
    "BANDCAST_GATE__HORIZONS": "[1]",
    "BANDCAST_CHARTS": "1",
    "BANDCAST_SOURCE": "sample",
    "BANDCAST_RETRY_SECONDS": "0",
    "BANDCAST_REQUESTS_PER_SECOND": "10000",
}


def enter_workplace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with the tiny settings alone."""
    for name in [name for name in os.environ if name.startswith("BANDCAST_")]:
        monkeypatch.delenv(name)
    for name, value in TINY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BANDCAST_HOME", str(folder / "home"))
    monkeypatch.chdir(folder)


def place_store(template: Path) -> None:
    """Put an empty store where the settings want it, a copy of one that the migrations made.

    A database that is given by URL is left to be set up when it is opened.
    """
    path = find_file(sa.make_url(load_settings().url))
    if path is not None and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(template, path)


@contextmanager
def open_configured_store() -> Iterator[Store]:
    """Open the store that the settings point at."""
    settings = load_settings()
    with open_store(settings.url, settings.source) as store:
        yield store
