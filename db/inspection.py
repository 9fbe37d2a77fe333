"""Comparison of a database's real schema with the one of this release."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from db.engine import reading
from db.schema import metadata
from db.schema.views import VIEWS

_MODIFICATIONS = {
    "modify_nullable": "allows or forbids null otherwise",
    "modify_type": "is of another type",
    "modify_default": "has another default",
}


def find_differences(engine: sa.Engine) -> list[str]:
    """Find what a migrated database lacks or holds otherwise; tables and views of others are not compared.

    CHECK constraints are not compared: neither database reports them in a comparable form.

    Raises:
        DatabaseUnreachableError: The database does not answer.
    """
    from alembic.autogenerate import compare_metadata  # only the doctor and upgrades wait for it
    from alembic.migration import MigrationContext

    with reading(engine) as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
        of_tables = [sentence for difference in found for sentence in _describe(difference)]
        return [*dict.fromkeys(of_tables), *_describe_views(sa.inspect(connection))]


def _describe_views(inspector: sa.Inspector) -> Iterator[str]:
    names = inspector.get_view_names()
    for view in VIEWS:
        if view.name not in names:
            yield f"view {view.name} is missing"
            continue
        found = {column["name"] for column in inspector.get_columns(view.name)}
        if missing := [column.name for column in view.columns if column.name not in found]:
            yield f"view {view.name} has no {', '.join(missing)}"


def _describe(difference: Any) -> Iterator[str]:
    """Yield a sentence for each part of one of Alembic's differences; several of a column come as a list."""
    if isinstance(difference, list):
        for part in difference:
            yield from _describe(part)
        return
    kind, subject = difference[0], difference[1:]
    match kind:
        case "add_table":
            yield f"table {subject[0].name} is missing"
        case "add_column":
            yield f"column {subject[1]}.{subject[2].name} is missing"
        case "remove_column":
            yield f"column {subject[1]}.{subject[2].name} is not of this release"
        case "add_index" | "add_constraint" | "add_fk":
            yield f"{type(subject[0]).__name__} {subject[0].name} of {subject[0].table.name} is missing"
        case _ if kind in _MODIFICATIONS:
            yield f"column {subject[1]}.{subject[2]} {_MODIFICATIONS[kind]}"
