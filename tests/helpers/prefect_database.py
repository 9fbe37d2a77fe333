"""Prefect's own database, set up once for all of pytest's processes: that takes 10 s of a processor."""

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

NAME = "prefect.db"


def find_shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Find the folder that all processes of this run of pytest share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def place_database(home: Path, template: Path) -> None:
    """Put a database that is set up into a new PREFECT_HOME."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(template, home / NAME)


def make_template(shared: Path) -> Path:
    """Set up a database in a folder, where it is not there yet; return its path."""
    folder = shared / "prefect-template"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        template = folder / "whole" / NAME
        if not template.exists():
            _set_up(folder / "new")
            (folder / "new").rename(template.parent)
    return template


def _set_up(home: Path) -> None:
    environment = {**os.environ, "PREFECT_HOME": str(home)}
    command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    database = sqlite3.connect(home / NAME)  # its closing brings the log into the file
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
