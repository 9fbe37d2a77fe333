"""Trained models, their weights and which of them serves."""

from dataclasses import asdict, fields
from datetime import date
from typing import Any

import sqlalchemy as sa

from db.records import ModelRecord
from db.schema import model_versions
from db.upsert import upsert
from forecasting.errors import StoreError

_COLUMNS = [model_versions.c[field.name] for field in fields(ModelRecord)]


class ModelRepository:
    """The stored models of all sources.

    Args:
        conn: From `db.engine.reading` or, to write, `db.engine.writing`.
    """

    def __init__(self, conn: sa.Connection) -> None:
        self._conn = conn

    def add(self, record: ModelRecord) -> None:
        """Store a model; a version that is there already stays as it is, status included."""
        upsert(self._conn, model_versions, [asdict(record)], guarded=())

    def promote(self, version: str) -> None:
        """Make a model the champion of its source; the one before it becomes retired.

        Raises:
            StoreError: There is no such model.
        """
        source = self._source_of(version)
        columns = model_versions.c
        before = (columns.source == source) & (columns.status == "champion") & (columns.version != version)
        self._conn.execute(sa.update(model_versions).where(before).values(status="retired"))
        self._mark(version, "champion")

    def refuse(self, version: str) -> None:
        """Mark a model as one that must never serve.

        Raises:
            StoreError: There is no such model.
        """
        self._source_of(version)
        self._mark(version, "refused")

    def champion(self, source: str, as_of: date) -> ModelRecord | None:
        """The champion or, where it has seen prices after `as_of`, the newest before it that served.

        Args:
            source: The price source.
            as_of: No model that saw a later session is returned.
        """
        columns = model_versions.c
        served = columns.status.in_(("champion", "retired"))
        query = sa.select(*_COLUMNS).where(
            (columns.source == source) & served & (columns.trained_through <= as_of)
        )
        order = (
            (columns.status == "champion").desc(),
            columns.trained_through.desc(),
            columns.created_at.desc(),
        )
        return self._first(query.order_by(*order))

    def get(self, version: str) -> ModelRecord | None:
        """A model by its version."""
        return self._first(sa.select(*_COLUMNS).where(model_versions.c.version == version))

    def list(self, source: str | None = None) -> tuple[ModelRecord, ...]:
        """All models, newest first, with empty `weights`: those are large."""
        light = [sa.literal(b"").label("weights") if c.name == "weights" else c for c in _COLUMNS]
        query = sa.select(*light).order_by(model_versions.c.created_at.desc(), model_versions.c.version)
        if source is not None:
            query = query.where(model_versions.c.source == source)
        return tuple(_record(row) for row in self._conn.execute(query).mappings())

    def _first(self, query: sa.Select[Any]) -> ModelRecord | None:
        row = self._conn.execute(query.limit(1)).mappings().first()
        return None if row is None else _record(row)

    def _source_of(self, version: str) -> str:
        query = sa.select(model_versions.c.source).where(model_versions.c.version == version)
        source: str | None = self._conn.scalar(query)
        if source is None:
            raise StoreError(f"Expected a stored model {version}, found none; see `bandcast models`.")
        return source

    def _mark(self, version: str, status: str) -> None:
        columns = model_versions.c
        one = (columns.version == version) & (columns.status != status)
        self._conn.execute(sa.update(model_versions).where(one).values(status=status))


def _record(row: sa.RowMapping) -> ModelRecord:
    metrics = {name: float("nan") if value is None else value for name, value in row["metrics"].items()}
    return ModelRecord(**{**row, "metrics": metrics})
