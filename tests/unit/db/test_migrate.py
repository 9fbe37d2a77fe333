"""The schema as the database holds it, not as Python describes it."""

import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

from db.engine import reading, writing
from db.migrate import current, downgrade, head, require_current, upgrade
from db.schema import metadata
from forecasting.errors import MigrationBehindError, StoreError

VIEWS = {"latest_forecast", "forecast_with_outcome", "coverage_by_horizon", "pinball_by_level"}
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


def test_migrated_database_equals_metadata(engine):
    with reading(engine) as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []


def test_round_trip(engine):
    downgrade(engine, "base")
    assert current(engine) is None
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    upgrade(engine)
    assert current(engine) == head()
    assert set(sa.inspect(engine).get_view_names()) == VIEWS
    assert set(sa.inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_empty_database_is_set_up_and_then_left_alone(empty):
    require_current(empty)
    assert current(empty) == head()
    require_current(empty)


def test_schema_behind_is_named(engine):
    with writing(engine) as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(MigrationBehindError, match="migration 0003, found 0000; run `bandcast db upgrade`"):
        require_current(engine)
    with pytest.raises(StoreError, match=r"found 'Can't locate revision identified by '0000''; install"):
        upgrade(engine)


def test_foreign_database_is_not_touched(empty):
    with writing(empty) as conn:
        conn.execute(sa.text("CREATE TABLE theirs (id INTEGER)"))
    with pytest.raises(MigrationBehindError, match="a database without migrations"):
        require_current(empty)
    assert sa.inspect(empty).get_table_names() == ["theirs"]


def test_failed_migration_leaves_nothing(empty, monkeypatch):
    monkeypatch.setattr("db.migrations.views.FORECAST_WITH_OUTCOME_1", "CREATE VIEW broken AS SELEC")
    with pytest.raises(sa.exc.DBAPIError):
        upgrade(empty)
    assert sa.inspect(empty).get_table_names() == []


def test_processes_that_start_together_set_up_once(url):
    starts = [
        subprocess.Popen([sys.executable, "-c", SET_UP, url], text=True, stdin=-1, stdout=-1, stderr=-1)
        for _ in range(3)
    ]
    assert [start.stdout.readline() for start in starts] == ["ready\n"] * 3
    for start in starts:
        start.stdin.close()
    ends = [(start.stdout.read(), start.stderr.read(), start.wait()) for start in starts]
    for start in starts:
        start.stdout.close()
        start.stderr.close()
    assert ends == [("up\n", "", 0)] * 3


def test_rebuilding_a_table_keeps_its_children(engine):
    with writing(engine) as conn:
        conn.execute(sa.text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        conn.execute(sa.text("CREATE TABLE child (id INTEGER REFERENCES parent ON DELETE CASCADE)"))
        conn.execute(sa.text("INSERT INTO parent VALUES (1)"))
        conn.execute(sa.text("INSERT INTO child VALUES (1)"))
        for view in VIEWS:
            conn.execute(sa.text(f"DROP VIEW {view}"))
    with writing(engine, alters_schema=True) as conn:
        operations = Operations(MigrationContext.configure(conn))
        with operations.batch_alter_table("parent", recreate="auto") as batch:
            batch.add_column(sa.Column("name", sa.String))
            batch.alter_column("name", type_=sa.Text)
    with reading(engine) as conn:
        assert conn.execute(sa.text("SELECT count(*) FROM child")).scalar() == 1


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("verb", [upgrade, downgrade])
def test_migrations_run_with_foreign_keys_off(engine, monkeypatch, verb):
    seen = []

    def look(config, revision):
        conn = config.attributes["connection"]
        seen.append((revision, conn.exec_driver_sql("PRAGMA foreign_keys").scalar()))

    monkeypatch.setattr(f"alembic.command.{verb.__name__}", look)
    verb(engine, "0001")
    assert seen == [("0001", 0)]


def test_constraints_are_in_the_database(engine):
    inspector = sa.inspect(engine)
    for table in metadata.sorted_tables:
        assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [
            column.name for column in table.primary_key
        ]
        checks = {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}
        assert {c["name"] for c in inspector.get_check_constraints(table.name)} == checks
    assert [i["unique"] for i in inspector.get_indexes("model_versions")] == [1]
    (key,) = inspector.get_foreign_keys("forecast_quantiles")
    assert key["options"] == {"ondelete": "CASCADE"}
