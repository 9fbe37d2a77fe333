"""Prepared rows are stored as they are, on both databases, and a refused one is named as any other fault."""

from datetime import date

import pytest
import sqlalchemy as sa

from db.bulk import Batch, Rows, insert_batch, prepare_batch
from db.engine import reading, writing
from db.schema import universes, unlisted_odds
from forecasting.errors import DatabaseFaultError

COLUMNS = ("source", "ticker", "as_of", "age_sessions")
ODD = [
    ("yahoo", "A\\B\t\n", date(2024, 1, 2), None),
    ("yahoo", "Ünï 'x'", date(1900, 1, 1), 2_000_000_000),
    ("csv", "\\N", date(9999, 12, 31), 0),
]


def insert(engine: sa.Engine, table: sa.Table, *parts: Rows) -> None:
    with writing(engine) as connection:
        insert_batch(connection, prepare_batch(engine.dialect, table, parts))


def test_values_of_each_kind_are_stored_as_they_are(engine: sa.Engine) -> None:
    insert(engine, universes, Rows(COLUMNS, ODD[:1]), Rows(COLUMNS, ODD[1:]))
    insert(engine, universes)
    insert(engine, universes, Rows(COLUMNS, []))
    with reading(engine) as connection:
        columns = [universes.c[name] for name in COLUMNS]
        found = {tuple(row) for row in connection.execute(sa.select(*columns))}
    assert found == set(ODD)


@pytest.mark.parametrize("other", [("csv", "\\N", date(2024, 1, 2), 1), ("csv", "ZZZ", None, 1)])
def test_a_row_that_the_database_refuses_leaves_none(
    engine: sa.Engine, other: tuple[str, str, date | None, int]
) -> None:
    insert(engine, universes, Rows(COLUMNS, ODD))
    with pytest.raises(sa.exc.IntegrityError):
        insert(engine, universes, Rows(COLUMNS, [("csv", "NEW", date(2024, 1, 2), 1), other]))
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(universes)) == len(ODD)


def test_a_row_without_its_forecast_is_refused(engine: sa.Engine) -> None:
    columns = ("source", "ticker", "as_of", "horizon", "statistic", "level", "value")
    orphan = ("csv", "AAA", date(2024, 1, 2), 5, "touch", 0.1, 0.5)
    with pytest.raises(sa.exc.IntegrityError):
        insert(engine, unlisted_odds, Rows(columns, [orphan]))


def insert_after_end(engine: sa.Engine, connection: sa.Connection, batch: Batch) -> None:
    """Insert on a connection whose server process is gone."""
    own = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    with engine.connect() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": own})
    insert_batch(connection, batch)


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
def test_a_connection_that_ends_while_rows_are_copied_is_named(engine: sa.Engine) -> None:
    batch = prepare_batch(engine.dialect, universes, [Rows(COLUMNS, ODD)])
    with pytest.raises(DatabaseFaultError, match="ended the connection"), writing(engine) as connection:
        insert_after_end(engine, connection, batch)
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(universes)) == 0
