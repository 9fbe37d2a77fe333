"""Trained models, their weights and which of them serves."""

from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from db.records import ModelRecord
from db.schema import model_versions
from db.sql import upsert
from forecasting.errors import StoreError

_RANDOM_WALK = ModelRecord(
    version="random-walk",
    source="any",
    trained_through=date(1970, 1, 1),
    weights=b"",
    config="{}",
    metrics={},
    data_fingerprint="",
    created_at=datetime(1970, 1, 1, tzinfo=UTC),
    status="baseline",
)
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

    def add_baseline(self, created_at: datetime) -> str:
        """Store the random walk, which the forecasts of the lowest rung refer to; its version."""
        record = replace(_RANDOM_WALK, created_at=created_at)
        self.add(record)
        return record.version

    def promote(self, version: str, gated_as_of: date | None = None) -> None:
        """Make a model the champion of its source; the one before it becomes retired.

        A model that was gated at an earlier session than the champion serves the sessions in between, as one
        that is retired: it does not displace the champion.

        Args:
            version: The model.
            gated_as_of: Last session that its gate saw.

        Raises:
            StoreError: There is no such model.
        """
        source, columns = self._source_of(version), model_versions.c
        if gated_as_of is not None:
            gate = sa.update(model_versions).where(columns.version == version)
            self._conn.execute(gate.values(gated_as_of=gated_as_of))
            if self._gated_later(source, version, gated_as_of):
                self._mark(version, "retired")
                return
        before = (columns.source == source) & (columns.status == "champion") & (columns.version != version)
        self._conn.execute(sa.update(model_versions).where(before).values(status="retired"))
        self._mark(version, "champion")

    def rollback(self, source: str) -> tuple[str, str]:
        """Let the champion before the present one serve again; the present one must not serve any more.

        Returns:
            The version that serves now, and the one that was taken back.

        Raises:
            StoreError: No champion, or none before it.
        """
        columns = model_versions.c
        served = sa.select(*_COLUMNS).where(columns.source == source).order_by(*_newest_first())
        champion = self._first(served.where(columns.status == "champion"))
        before = self._first(served.where(columns.status == "retired"))
        if champion is None or before is None:
            raise StoreError(
                f"Expected a champion of '{source}' and one before it, found "
                f"{'no champion' if champion is None else 'none before it'}; run `bandcast retrain`."
            )
        self._mark(champion.version, "refused")
        self._mark(before.version, "champion")
        return before.version, champion.version

    def refuse(self, version: str) -> None:
        """Mark a model as one that must never serve.

        Raises:
            StoreError: There is no such model.
        """
        self._source_of(version)
        self._mark(version, "refused")

    def champion(self, source: str, as_of: date) -> ModelRecord | None:
        """The first of `ladder`."""
        return next(iter(self.ladder(source, as_of, most=1)), None)

    def ladder(self, source: str, as_of: date, most: int = 3) -> list[ModelRecord]:
        """The champion, then those that served before it, the newest first.

        Args:
            source: The price source.
            as_of: No model that saw a later session, or was chosen for what it did on one, is returned.
            most: How many at most.
        """
        columns = model_versions.c
        served = columns.status.in_(("champion", "retired"))
        query = sa.select(*_COLUMNS).where((columns.source == source) & served & (_seen() <= as_of))
        order = ((columns.status == "champion").desc(), *_newest_first())
        return [_record(row) for row in self._conn.execute(query.order_by(*order).limit(most)).mappings()]

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

    def _gated_later(self, source: str, version: str, gated_as_of: date) -> bool:
        columns = model_versions.c
        others = (columns.source == source) & (columns.status == "champion") & (columns.version != version)
        return self._conn.scalar(sa.select(_seen()).where(others & (_seen() > gated_as_of))) is not None

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


def _seen() -> sa.ColumnElement[date]:
    """Last session that had a part in a model: its gate's or, where it passed none, its training's."""
    return sa.func.coalesce(model_versions.c.gated_as_of, model_versions.c.trained_through)


def _newest_first() -> tuple[sa.ColumnElement[Any], ...]:
    return _seen().desc(), model_versions.c.created_at.desc(), model_versions.c.version


def _record(row: sa.RowMapping) -> ModelRecord:
    metrics = {name: float("nan") if value is None else value for name, value in row["metrics"].items()}
    return ModelRecord(**{**row, "metrics": metrics})
