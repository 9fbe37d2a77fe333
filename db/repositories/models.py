"""Repository of trained models, their weights and their status."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from db.records import ModelRecord, Rollback
from db.repositories.base import Repository
from db.schema import model_versions
from db.schema.models import HAS_WEIGHTS
from db.sql import record_columns, upsert
from forecasting.errors import StoreError, UnreadableModelError
from forecasting.faults import describe_error
from forecasting.types import ModelStatus

RANDOM_WALK = "random-walk"  # version of the lowest rung, which has no weights
_RANDOM_WALK = ModelRecord(
    version=RANDOM_WALK,
    source="any",
    trained_through=date(1970, 1, 1),
    weights=b"",
    config="{}",
    metrics={},
    data_fingerprint="",
    created_at=datetime(1970, 1, 1, tzinfo=UTC),
    status="baseline",
)
_COLUMNS = record_columns(model_versions, ModelRecord)
_COLUMNS_WITHOUT_WEIGHTS: list[sa.Label[Any]] = [
    sa.literal(b"").label("weights") if column.name == "weights" else column for column in _COLUMNS
]


class ModelRepository(Repository):
    """Stored models; a version is unique over all sources."""

    def add(self, record: ModelRecord) -> None:
        """Store a model; a version that is stored already stays as it is, and gets pruned weights back."""
        upsert(self._connection, model_versions, [asdict(record)], guarded=())
        is_pruned = (model_versions.c.version == record.version) & ~HAS_WEIGHTS
        self._connection.execute(sa.update(model_versions).where(is_pruned).values(weights=record.weights))

    def add_baseline(self, created_at: datetime) -> str:
        """Store the random walk, which forecasts of the lowest rung refer to, and return its version."""
        record = replace(_RANDOM_WALK, created_at=created_at)
        self.add(record)
        return record.version

    def promote(self, version: str, evaluated_through: date | None = None) -> None:
        """Make a model the champion of its source; the champion before it becomes retired.

        A model that was evaluated at an earlier session than the champion serves the sessions in between as
        a retired one: it does not displace the champion.

        Args:
            version: The model.
            evaluated_through: Last session that its promotion test saw.

        Raises:
            StoreError: There is no such model.
        """
        source = self._find_source(version)
        columns = model_versions.c
        if evaluated_through is not None:
            model = sa.update(model_versions).where(columns.version == version)
            self._connection.execute(model.values(evaluated_through=evaluated_through))
            if self._has_later_champion(source, version, evaluated_through):
                self._set_status(version, "retired")
                return
        is_displaced = _is_champion_of(source) & (columns.version != version)
        self._connection.execute(sa.update(model_versions).where(is_displaced).values(status="retired"))
        self._set_status(version, "champion")

    def rollback(self, expected: str | None = None) -> Rollback:
        """Make the newest champion before the present one whose weights are kept champion again.

        The present one is refused for good.

        Args:
            expected: Version of the present champion; None for whichever it is.

        Raises:
            StoreError: No champion, another one, or none before it.
        """
        columns = model_versions.c
        query = sa.select(*_COLUMNS).where(columns.source == self._source).order_by(*_newest_first())
        champion = self._first(query.where(columns.status == "champion"))
        before = self._first(query.where((columns.status == "retired") & HAS_WEIGHTS))
        if champion is None or before is None:
            raise StoreError(
                f"Expected a champion of '{self._source}' and one before it, found "
                f"{'no champion' if champion is None else 'none before it'}; run `bandcast retrain`."
            )
        if expected not in (None, champion.version):
            raise StoreError(
                f"Expected the champion {expected} of '{self._source}', found {champion.version}; see "
                "`bandcast models`."
            )
        self._set_status(champion.version, "refused")
        self._set_status(before.version, "champion")
        return Rollback(active=before.version, withdrawn=champion.version)

    def refuse(self, version: str) -> None:
        """Mark a model as one that must never serve.

        Raises:
            StoreError: There is no such model.
        """
        self._find_source(version)
        self._set_status(version, "refused")

    def list_ladder(self, as_of: date, most: int = 3) -> list[str]:
        """List the versions of the champion, then of the champions before it, newest first.

        A model whose date cannot be read keeps its rung, and loading it raises the reason.

        Args:
            as_of: No model that saw a later session, in training or in its promotion test, is returned.
            most: How many at most.
        """
        columns = model_versions.c
        has_served = columns.status.in_(("champion", "retired"))
        seen = sa.cast(_last_session_seen(), sa.String)
        query = sa.select(columns.version, seen).where((columns.source == self._source) & has_served)
        order = ((columns.status == "champion").desc(), *_newest_first())
        rows = self._connection.execute(query.order_by(*order)).tuples()
        return [version for version, day in rows if (_read_day(day) or as_of) <= as_of][:most]

    def get(self, version: str) -> ModelRecord | None:
        """Load a model of any source by its version.

        Raises:
            UnreadableModelError: Its row holds a value that is none of its column.
        """
        return self._first(sa.select(*_COLUMNS).where(model_versions.c.version == version))

    def list(self, *, all_sources: bool = False) -> tuple[ModelRecord, ...]:
        """Load all models, newest first, with empty `weights`: those are large.

        Raises:
            UnreadableModelError: As `get`.
        """
        columns = model_versions.c
        query = sa.select(columns.version).order_by(columns.created_at.desc(), columns.version)
        if not all_sources:
            query = query.where(columns.source == self._source)
        versions = list(self._connection.scalars(query))
        return tuple(self._read(version, _COLUMNS_WITHOUT_WEIGHTS) for version in versions)

    def _first(self, query: sa.Select[Any]) -> ModelRecord | None:
        version: str | None = self._connection.scalar(
            query.with_only_columns(model_versions.c.version).limit(1)
        )
        return None if version is None else self._read(version, _COLUMNS)

    def _read(self, version: str, columns: Sequence[sa.Label[Any]]) -> ModelRecord:
        query = sa.select(*columns).where(model_versions.c.version == version)
        try:
            return _build_record(self._connection.execute(query).mappings().one())
        except (AttributeError, TypeError, ValueError) as error:  # SQLite stores any text in any column
            raise UnreadableModelError(version, describe_error(error)) from error

    def _has_later_champion(self, source: str, version: str, evaluated_through: date) -> bool:
        is_other = _is_champion_of(source) & (model_versions.c.version != version)
        query = sa.select(sa.cast(_last_session_seen(), sa.String)).where(is_other)
        seen = map(_read_day, self._connection.scalars(query))
        return any(day is not None and day > evaluated_through for day in seen)

    def _find_source(self, version: str) -> str:
        query = sa.select(model_versions.c.source).where(model_versions.c.version == version)
        source: str | None = self._connection.scalar(query)
        if source is None:
            raise StoreError(f"Expected a stored model {version}, found none; see `bandcast models`.")
        return source

    def _set_status(self, version: str, status: ModelStatus) -> None:
        columns = model_versions.c
        differs = (columns.version == version) & (columns.status != status)
        self._connection.execute(sa.update(model_versions).where(differs).values(status=status))


def _is_champion_of(source: str) -> sa.ColumnElement[bool]:
    return (model_versions.c.source == source) & (model_versions.c.status == "champion")


def _last_session_seen() -> sa.ColumnElement[date]:
    """Build the last session that had a part in a model: of its promotion test or else of its training."""
    return sa.func.coalesce(model_versions.c.evaluated_through, model_versions.c.trained_through)


def _read_day(text: str) -> date | None:
    """Read a stored day; None where it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _newest_first() -> tuple[sa.ColumnElement[Any], ...]:
    columns = model_versions.c
    return _last_session_seen().desc(), columns.created_at.desc(), columns.version


def _build_record(row: sa.RowMapping) -> ModelRecord:
    metrics = {name: float("nan") if value is None else value for name, value in row["metrics"].items()}
    return ModelRecord(**{**row, "metrics": metrics})
