"""Another CHECK in place of one that is there, on both databases."""

import sqlalchemy as sa
from alembic import op

from forecasting.errors import StoreError


def replace_check(table: str, name: str, condition: str) -> None:
    """Change what a named CHECK constraint demands; the rows stay.

    SQLite can only make the table anew. Alembic's batch mode would do it from the reflected table, and
    SQLAlchemy reflects no CHECK: every other one of the table would be lost without a word. So the stored
    statement is changed here, in which each constraint has a line of its own. Foreign keys must be off, and
    views on the table dropped.

    Args:
        table: Its name.
        name: The constraint's full name.
        condition: SQL on one line.

    Raises:
        StoreError: The table has no such constraint.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(name), table, type_="check")
        op.create_check_constraint(op.f(name), table, condition)
        return
    made, indexes = _statements(table, "table")[0], _statements(table, "index")
    new = f"{table}_new"
    body = _changed(made, name, condition).partition("(")[2]  # a table that was renamed has its name quoted
    op.execute(f"CREATE TABLE {new} ({body}")
    op.execute(f"INSERT INTO {new} SELECT * FROM {table}")
    op.drop_table(table)
    op.rename_table(new, table)
    for index in indexes:
        op.execute(index)


def _statements(table: str, kind: str) -> list[str]:
    query = "SELECT sql FROM sqlite_master WHERE tbl_name = :of AND type = :kind AND sql IS NOT NULL"
    return list(op.get_bind().scalars(sa.text(query), {"of": table, "kind": kind}))


def _changed(made: str, name: str, condition: str) -> str:
    start = f"CONSTRAINT {name} CHECK ("
    lines = made.splitlines()
    places = [place for place, line in enumerate(lines) if line.strip().startswith(start)]
    if len(places) != 1:
        raise StoreError(f"Expected one constraint {name} in the database, found {len(places)}; restore it.")
    more = "," if lines[places[0]].rstrip().endswith(",") else ""
    lines[places[0]] = f"\t{start}{condition}){more}"
    return "\n".join(lines)
