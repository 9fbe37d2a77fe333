"""The texts on views, tables and columns are those of the database itself."""

import pytest
import sqlalchemy as sa

from db import Description, describe_tables, describe_views
from db.engine import reading
from db.schema.views import VIEWS

COMMENTS = """
SELECT c.relname, coalesce(a.attname, ''), d.description
FROM pg_description d JOIN pg_class c ON c.oid = d.objoid
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
WHERE c.relkind IN ('v', 'r') AND c.relnamespace = 'public'::regnamespace
"""
DESCRIBED: tuple[Description, ...] = (*describe_views(), *describe_tables())


def test_every_view_is_described_column_by_column() -> None:
    assert [description.name for description in describe_views()] == [view.name for view in VIEWS]
    for description, view in zip(describe_views(), VIEWS, strict=True):
        assert list(description.columns) == [column.name for column in view.columns]


def test_every_table_view_and_column_of_the_database_has_a_meaning(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        inspector = sa.inspect(connection)
        names = {*inspector.get_table_names(), *inspector.get_view_names()} - {"alembic_version"}
        columns = {name: {column["name"] for column in inspector.get_columns(name)} for name in names}
    assert {description.name: set(description.columns) for description in DESCRIBED} == columns
    assert not [description.name for description in DESCRIBED if not description.meaning]
    blank = [(own.name, column) for own in DESCRIBED for column, text in own.columns.items() if not text]
    assert blank == []


@pytest.mark.postgres
@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
def test_postgresql_shows_the_same_texts(engine: sa.Engine) -> None:
    expected = {(own.name, ""): own.meaning for own in DESCRIBED}
    for own in DESCRIBED:
        expected |= {(own.name, column): text for column, text in own.columns.items()}
    with reading(engine) as connection:
        found = {(row[0], row[1]): row[2] for row in connection.exec_driver_sql(COMMENTS)}
    assert found == expected


def test_the_version_of_the_contract_can_be_read(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        assert connection.scalar(sa.text("SELECT contract_version FROM contract_version")) == 5
