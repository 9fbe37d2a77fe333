"""The schema as the database holds it, not as Python describes it."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from shown_rows import SHOWN

from db.engine import reading, writing
from db.migrate import (
    _configure,
    downgrade,
    read_head,
    read_revision,
    require_current,
    require_readable,
    upgrade,
)
from db.schema import metadata, views
from forecasting.errors import MigrationBehindError, StoreError, UnknownMigrationError

# Those that others are made of are last.
VIEWS = sorted((view.name for view in views.VIEWS), key=lambda name: (name in SHOWN, name.startswith("all_")))


def test_migrated_database_equals_metadata(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_migration_is_the_head_of_the_others() -> None:
    assert read_head() == ScriptDirectory.from_config(_configure()).get_current_head()


def test_round_trip(engine: sa.Engine) -> None:
    downgrade(engine, "base")
    assert read_revision(engine) is None
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    upgrade(engine)
    assert read_revision(engine) == read_head()
    assert set(sa.inspect(engine).get_view_names()) == set(VIEWS)
    assert set(sa.inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_empty_database_is_set_up_and_then_left_alone(empty: sa.Engine) -> None:
    require_current(empty)
    assert read_revision(empty) == read_head()
    require_current(empty)


def test_schema_behind_is_named(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0003'"))
    for require in (require_current, require_readable):
        with pytest.raises(
            MigrationBehindError, match=f"migration {read_head()}, found 0003; run `bandcast db upgrade`"
        ):
            require(engine)


@pytest.mark.parametrize("revision", ["0999", "f" * 12, "/x", "*"])
def test_a_schema_of_a_newer_release_is_named_and_left_alone(engine: sa.Engine, revision: str) -> None:
    with writing(engine) as connection:
        connection.execute(
            sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
        )
    found = re.escape(f"found it at {revision}, which a newer release has made; install that release.")
    for refuse in (require_current, require_readable, upgrade, lambda engine: downgrade(engine, "base")):
        with pytest.raises(UnknownMigrationError, match=found):
            refuse(engine)
    assert read_revision(engine) == revision


def test_a_migration_that_nobody_knows_is_no_goal(engine: sa.Engine) -> None:
    with pytest.raises(StoreError, match=r"found 'Can't locate revision identified by '0999''; install"):
        upgrade(engine, "0999")


def test_foreign_database_is_not_touched(empty: sa.Engine) -> None:
    with writing(empty) as connection:
        connection.execute(sa.text("CREATE TABLE theirs (id INTEGER)"))
    with pytest.raises(MigrationBehindError, match="a database without migrations"):
        require_current(empty)
    assert sa.inspect(empty).get_table_names() == ["theirs"]


def test_failed_migration_leaves_nothing(empty: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.migrations.views.FORECAST_WITH_OUTCOME_1", "CREATE VIEW broken AS SELEC")
    with pytest.raises(sa.exc.DBAPIError):
        upgrade(empty)
    assert sa.inspect(empty).get_table_names() == []


def test_rebuilding_a_table_keeps_its_children(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        connection.execute(sa.text("CREATE TABLE child (id INTEGER REFERENCES parent ON DELETE CASCADE)"))
        connection.execute(sa.text("INSERT INTO parent VALUES (1)"))
        connection.execute(sa.text("INSERT INTO child VALUES (1)"))
        for view in VIEWS:
            connection.execute(sa.text(f"DROP VIEW {view}"))
    with writing(engine, alters_schema=True) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("parent", recreate="auto") as batch:
            batch.add_column(sa.Column("name", sa.String))
            batch.alter_column("name", type_=sa.Text)
    with reading(engine) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM child")).scalar() == 1


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("verb", [upgrade, downgrade])
def test_migrations_run_with_foreign_keys_off(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, verb: Callable[[sa.Engine, str], None]
) -> None:
    seen: list[tuple[str, object]] = []

    def look(config: Config, revision: str) -> None:
        connection = config.attributes["connection"]
        seen.append((revision, connection.exec_driver_sql("PRAGMA foreign_keys").scalar()))

    monkeypatch.setattr(f"alembic.command.{verb.__name__}", look)
    verb(engine, "0001")
    assert seen == [("0001", 0)]


def test_constraints_are_in_the_database(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    for table in metadata.sorted_tables:
        assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [
            column.name for column in table.primary_key
        ]
        checks = {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}
        assert {c["name"] for c in inspector.get_check_constraints(table.name)} == checks
    assert [i["unique"] for i in inspector.get_indexes("model_versions")] == [1]
    (key,) = inspector.get_foreign_keys("calibrated_quantiles")
    assert key["options"] == {"ondelete": "CASCADE"}


def test_vocabularies_in_the_database_are_those_of_the_core(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    compared = 0
    for table in metadata.sorted_tables:
        stored = {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table.name)}
        for check in table.constraints:
            if isinstance(check, sa.CheckConstraint) and " IN (" in str(check.sqltext):
                assert read_words(stored[str(check.name)]) == read_words(str(check.sqltext))
                compared += 1
    assert compared == 19


def read_words(condition: str) -> set[str]:
    return set(re.findall(r"'([^']*)'", condition))
