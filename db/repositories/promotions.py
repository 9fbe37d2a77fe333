"""Repository of decisions on challengers."""

from dataclasses import asdict
from datetime import date
from typing import Any

import sqlalchemy as sa

from db.records import PromotionRecord
from db.repositories.base import Repository
from db.schema import gate_decisions
from db.sql import record_columns, upsert

_COLUMNS = record_columns(gate_decisions, PromotionRecord)


class PromotionRepository(Repository):
    """Stored promotion decisions."""

    def add(self, record: PromotionRecord) -> None:
        """Store a decision; the same comparison again leaves the first one."""
        upsert(self._connection, gate_decisions, [asdict(record)], guarded=())

    def list(self, *, all_sources: bool = False) -> tuple[PromotionRecord, ...]:
        """Load all decisions, newest first."""
        return self._load(_newest_first() if all_sources else self._of_source())

    def load_latest(self, as_of: date) -> PromotionRecord | None:
        """Load the newest decision that saw no session after `as_of`."""
        records = self._load(self._of_source().where(gate_decisions.c.as_of <= as_of).limit(1))
        return records[0] if records else None

    def _of_source(self) -> sa.Select[Any]:
        return _newest_first().where(gate_decisions.c.source == self._source)

    def _load(self, query: sa.Select[Any]) -> tuple[PromotionRecord, ...]:
        return tuple(PromotionRecord(**row) for row in self._connection.execute(query).mappings())


def _newest_first() -> sa.Select[Any]:
    columns = gate_decisions.c
    return sa.select(*_COLUMNS).order_by(columns.as_of.desc(), columns.decided_at.desc(), columns.decision_id)
