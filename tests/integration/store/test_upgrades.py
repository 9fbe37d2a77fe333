"""Set up and upgrade the schema: whole, by several processes at once, and killed in the middle."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from old_stores import DUMPS, Rows, copy_to, holds, load_dump, read_rows
from shown_rows import REPLACED
from side_by_side import run_side_by_side

from db import inspect_store, upgrade_store
from db.engine import open_engine, reading
from db.migrate import _configure, read_head, upgrade
from db.schema import metadata

(RELEASE_0_1,) = (dump for dump in DUMPS if dump.name == "1f1a555.sql.gz")
FIRST = "0003"  # of that release; each migration since made the schema of a later one
REVISIONS = sorted(script.revision for script in ScriptDirectory.from_config(_configure()).walk_revisions())
SCHEMAS = [revision for revision in REVISIONS if FIRST <= revision < read_head()]
SET_UP = """
import sys
from db.engine import open_engine
from db.migrate import require_current
engine = open_engine(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
require_current(engine)
print("up")
"""
UPGRADE = """
import sys
from db import upgrade_store
print("ready", flush=True)
sys.stdin.read()
print(upgrade_store(sys.argv[1]))
"""
UPGRADE_AND_DIE = """
import os, signal, sys
import sqlalchemy as sa
from db import upgrade_store

@sa.event.listens_for(sa.Engine, "after_cursor_execute")
def die(connection, cursor, statement, *rest):
    if statement.strip().startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

upgrade_store(sys.argv[1])
"""
KILLED_AFTER = (
    "INSERT INTO band_quantiles",  # after half of the rebuilding
    pytest.param("INSERT INTO comparison_quantiles", marks=pytest.mark.long),
    pytest.param("INSERT INTO band_outcomes", marks=pytest.mark.long),
    pytest.param("CREATE TABLE calendar_changes", marks=pytest.mark.long),
    pytest.param("UPDATE alembic_version SET version_num='0007'", marks=pytest.mark.long),
)


@pytest.fixture
def old_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """URL of the store of the first release, on either database."""
    url = load_dump(RELEASE_0_1, tmp_path / "old.db")
    return url if dialect == "sqlite" else copy_to(request.getfixturevalue("postgres_url"), url)


def read_all(url: str) -> Rows:
    engine = open_engine(url)
    rows = read_rows(engine)
    engine.dispose()
    return rows


def find_schema_faults(url: str) -> list[object]:
    engine = open_engine(url)
    with reading(engine) as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    return list(found)


def is_upgraded(url: str, before: Rows) -> bool:
    """Return whether a store has this release's schema and still every row."""
    gone = ("alembic_version", *REPLACED)
    rows = {name: found for name, found in before.items() if name not in gone and found}
    is_current = inspect_store(url).is_current and find_schema_faults(url) == []
    return is_current and holds(read_all(url), rows)


EVERY_RUN = [SCHEMAS[0], SCHEMAS[-1]]


@pytest.mark.parametrize(
    "revision",
    [*EVERY_RUN, *(pytest.param(r, marks=pytest.mark.long) for r in SCHEMAS if r not in EVERY_RUN)],
)
def test_the_schema_of_each_release_is_upgraded_with_every_row(old_url: str, revision: str) -> None:
    engine = open_engine(old_url)
    upgrade(engine, revision)
    engine.dispose()
    before = read_all(old_url)
    assert before["alembic_version"] == [{"version_num": revision}]
    assert upgrade_store(old_url) == read_head()
    assert is_upgraded(old_url, before)


def test_two_upgrades_at_once_make_one(old_url: str) -> None:
    before = read_all(old_url)
    assert run_side_by_side(2, UPGRADE, old_url) == [(0, f"{read_head()}\n", "")] * 2
    assert is_upgraded(old_url, before)


@pytest.mark.parametrize("statement", KILLED_AFTER)
def test_an_upgrade_that_is_killed_leaves_the_old_schema_and_can_be_repeated(
    old_url: str, statement: str
) -> None:
    before = read_all(old_url)
    command = [sys.executable, "-c", UPGRADE_AND_DIE, old_url, statement]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert read_all(old_url) == before
    assert upgrade_store(old_url) == read_head()
    assert is_upgraded(old_url, before)


def test_processes_that_start_together_set_up_once(url: str) -> None:
    assert run_side_by_side(3, SET_UP, url) == [(0, "up\n", "")] * 3
