"""Replacing a CHECK constraint leaves rows, other constraints, indexes and children as they were."""

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from db.engine import reading, writing
from db.migrations.checks import replace_check
from forecasting.errors import StoreError

MADE = (
    "CREATE TABLE fruit (\n\tid INTEGER NOT NULL, \n\tkind VARCHAR NOT NULL, \n\tprice INTEGER, \n"
    "\tCONSTRAINT pk_fruit PRIMARY KEY (id), \n"
    "\tCONSTRAINT ck_fruit_kind CHECK (kind IN ('apple', 'pear')), \n"
    "\tCONSTRAINT ck_fruit_price CHECK (price > 0)\n)",
    "CREATE UNIQUE INDEX uq_fruit_apple ON fruit (kind) WHERE kind = 'apple'",
    "CREATE TABLE seed (id INTEGER PRIMARY KEY, fruit INTEGER REFERENCES fruit (id) ON DELETE CASCADE)",
    "INSERT INTO fruit VALUES (1, 'apple', 3), (2, 'pear', NULL)",
    "INSERT INTO seed VALUES (1, 1), (2, 2)",
)


@pytest.fixture
def orchard(empty: sa.Engine) -> sa.Engine:
    with writing(empty) as connection:
        for statement in MADE:
            connection.execute(sa.text(statement))
    return empty


def change(engine: sa.Engine, name: str, condition: str) -> None:
    with (
        writing(engine, alters_schema=True) as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        replace_check("fruit", name, condition)


def counts(engine: sa.Engine) -> list[int | None]:
    with reading(engine) as connection:
        return [connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) for table in ("fruit", "seed")]


def plant(engine: sa.Engine, values: str) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text(f"INSERT INTO fruit VALUES {values}"))


@pytest.mark.parametrize("times", [1, 2])
def test_more_is_allowed_and_the_rest_is_as_before(orchard: sa.Engine, times: int) -> None:
    for _ in range(times):
        change(orchard, "ck_fruit_kind", "kind IN ('apple', 'pear', 'plum')")
    assert counts(orchard) == [2, 2]
    plant(orchard, "(3, 'plum', 1)")
    for wrong in ("(4, 'kiwi', 1)", "(4, 'plum', 0)", "(4, 'apple', 1)", "(3, 'pear', 1)"):
        with pytest.raises(sa.exc.IntegrityError):
            plant(orchard, wrong)
    with writing(orchard) as connection:
        connection.execute(sa.text("DELETE FROM fruit WHERE id = 1"))
    assert counts(orchard) == [2, 1]


def test_the_last_constraint_can_change_too(orchard: sa.Engine) -> None:
    change(orchard, "ck_fruit_price", "price > 2")
    plant(orchard, "(3, 'pear', 3)")
    with pytest.raises(sa.exc.IntegrityError):
        plant(orchard, "(4, 'pear', 2)")
    names = {check["name"] for check in sa.inspect(orchard).get_check_constraints("fruit")}
    assert names == {"ck_fruit_kind", "ck_fruit_price"}


def test_rows_that_the_new_condition_refuses_stop_it(orchard: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        change(orchard, "ck_fruit_kind", "kind = 'pear'")
    assert counts(orchard) == [2, 2]
    plant(orchard, "(3, 'pear', 3)")


def test_a_constraint_that_is_not_there_is_named(orchard: sa.Engine) -> None:
    with pytest.raises((StoreError, sa.exc.ProgrammingError), match="ck_fruit_weight"):
        change(orchard, "ck_fruit_weight", "price > 1")
    assert counts(orchard) == [2, 2]
