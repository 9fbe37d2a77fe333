"""The texts on views and columns are those of the database's own views."""

import pytest
import sqlalchemy as sa

from db import COLUMN_MEANINGS, VIEW_MEANINGS
from db.engine import reading
from db.schema.views import VIEWS

COMMENTS = """
SELECT c.relname, coalesce(a.attname, ''), d.description
FROM pg_description d JOIN pg_class c ON c.oid = d.objoid
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
WHERE c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace
"""


def test_every_view_and_column_has_a_meaning() -> None:
    assert list(VIEW_MEANINGS) == list(COLUMN_MEANINGS) == [view.name for view in VIEWS]
    for view in VIEWS:
        assert list(COLUMN_MEANINGS[view.name]) == [column.name for column in view.columns]


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
def test_postgresql_shows_the_same_texts(engine: sa.Engine) -> None:
    expected = {(view, ""): text for view, text in VIEW_MEANINGS.items()}
    for view, columns in COLUMN_MEANINGS.items():
        expected |= {(view, column): text for column, text in columns.items()}
    with reading(engine) as connection:
        found = {(row[0], row[1]): row[2] for row in connection.exec_driver_sql(COMMENTS)}
    assert found == expected


def test_the_version_of_the_contract_can_be_read(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        assert connection.scalar(sa.text("SELECT contract_version FROM contract_version")) == 3
