"""What the gate said of each candidate."""

from dataclasses import asdict, fields
from datetime import date
from typing import Any

import sqlalchemy as sa

from db.records import GateRecord
from db.schema import gate_decisions
from db.sql import upsert

_COLUMNS = [gate_decisions.c[field.name] for field in fields(GateRecord)]


class GateRepository:
    """The gate's decisions of all sources.

    Args:
        conn: From `db.engine.reading` or, to write, `db.engine.writing`.
    """

    def __init__(self, conn: sa.Connection) -> None:
        self._conn = conn

    def add(self, record: GateRecord) -> None:
        """Store a decision; the same comparison again leaves the first one."""
        upsert(self._conn, gate_decisions, [asdict(record)], guarded=())

    def list(self, source: str | None = None) -> tuple[GateRecord, ...]:
        """All decisions, the newest first."""
        return self._records(_of(source))

    def latest(self, source: str, as_of: date) -> GateRecord | None:
        """The newest decision that saw no session after `as_of`."""
        found = self._records(_of(source).where(gate_decisions.c.as_of <= as_of).limit(1))
        return found[0] if found else None

    def _records(self, query: sa.Select[Any]) -> tuple[GateRecord, ...]:
        return tuple(GateRecord(**row) for row in self._conn.execute(query).mappings())


def _of(source: str | None) -> sa.Select[Any]:
    columns = gate_decisions.c
    query = sa.select(*_COLUMNS).order_by(
        columns.as_of.desc(), columns.decided_at.desc(), columns.decision_id
    )
    return query if source is None else query.where(columns.source == source)
