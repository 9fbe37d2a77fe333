"""Repository of calibration states, session by session."""

from dataclasses import asdict
from datetime import date
from typing import Any

import sqlalchemy as sa

from db.records import CalibrationRecord
from db.repositories.base import Repository
from db.schema import calibrations
from db.sql import record_columns, upsert

_COLUMNS = record_columns(calibrations, CalibrationRecord)


class CalibrationRepository(Repository):
    """Stored calibrations."""

    def add(self, record: CalibrationRecord) -> None:
        """Store a calibration; a stored one stays as it is, unless somebody has changed its state."""
        upsert(self._connection, calibrations, [asdict(record)], guarded=("state",))

    def get(self, calibration_id: str) -> CalibrationRecord | None:
        """Load a calibration of any source by its id."""
        return self._first(sa.select(*_COLUMNS).where(calibrations.c.calibration_id == calibration_id))

    def load_newest(self, as_of: date) -> CalibrationRecord | None:
        """Load the newest calibration that rests on no outcome after `as_of`."""
        columns = calibrations.c
        query = sa.select(*_COLUMNS).where((columns.source == self._source) & (columns.as_of <= as_of))
        return self._first(query.order_by(columns.as_of.desc(), columns.created_at.desc()))

    def _first(self, query: sa.Select[Any]) -> CalibrationRecord | None:
        row = self._connection.execute(query.limit(1)).mappings().first()
        return None if row is None else CalibrationRecord(**row)
