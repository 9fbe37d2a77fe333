"""Reading the store that the settings of a test point at, and leaving no connection open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from shown_rows import SHOWN

from db.engine import open_engine
from flows.settings import load_settings

Dump = dict[str, list[tuple[Any, ...]]]


@contextmanager
def connection(url: str | None = None) -> Iterator[sa.Connection]:
    """In a transaction that is committed at the end."""
    engine = open_engine(url or load_settings().url)
    try:
        with engine.begin() as opened:
            yield opened
    finally:
        engine.dispose()


def rows(query: str, url: str | None = None) -> list[Any]:
    with connection(url) as opened:
        return list(opened.execute(sa.text(query)))


def dump() -> Dump:
    """Every row that a store shows, sorted."""
    with connection() as opened:
        tables = SHOWN.items()
        return {name: sorted(map(tuple, opened.execute(sa.select(table))), key=str) for name, table in tables}
