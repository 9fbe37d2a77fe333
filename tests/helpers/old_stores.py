"""Stores that earlier releases wrote, dumped as SQL by tests/fixtures/make_store.py."""

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

DUMPS = sorted((Path(__file__).parents[1] / "fixtures" / "stores").glob("*.sql.gz"))


def load_dump(dump: Path, path: Path) -> str:
    """Make a SQLite file of a dump; its URL."""
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(gzip.decompress(dump.read_bytes()).decode())
    return f"sqlite:///{path}"
