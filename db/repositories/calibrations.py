"""What calibration had learned, session by session."""

from dataclasses import asdict, fields
from datetime import date
from typing import Any

import sqlalchemy as sa

from db.records import CalibrationRecord
from db.schema import calibrations
from db.sql import upsert

_COLUMNS = [calibrations.c[field.name] for field in fields(CalibrationRecord)]


class CalibrationRepository:
    """The stored calibrations of all sources.

    Args:
        conn: From `db.engine.reading` or, to write, `db.engine.writing`.
    """

    def __init__(self, conn: sa.Connection) -> None:
        self._conn = conn

    def add(self, record: CalibrationRecord) -> None:
        """Store a calibration; one that is there already stays as it is."""
        upsert(self._conn, calibrations, [asdict(record)], guarded=())

    def get(self, calibration_id: str) -> CalibrationRecord | None:
        """A calibration by its id."""
        return self._first(sa.select(*_COLUMNS).where(calibrations.c.calibration_id == calibration_id))

    def newest(self, source: str, as_of: date) -> CalibrationRecord | None:
        """The newest calibration of a source that knows no outcome after `as_of`."""
        columns = calibrations.c
        known = sa.select(*_COLUMNS).where((columns.source == source) & (columns.as_of <= as_of))
        return self._first(known.order_by(columns.as_of.desc(), columns.created_at.desc()))

    def _first(self, query: sa.Select[Any]) -> CalibrationRecord | None:
        row = self._conn.execute(query.limit(1)).mappings().first()
        return None if row is None else CalibrationRecord(**row)
