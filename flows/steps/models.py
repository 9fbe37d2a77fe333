"""The models in the store, rebuilt."""

from functools import lru_cache

from db.engine import reading
from db.records import ModelRecord
from db.repositories.models import ModelRepository
from flows.context import store
from forecasting.errors import ModelError
from forecasting.model.artifact import Model, load_model


@lru_cache(maxsize=4)
def model(url: str, version: str) -> Model:
    """A stored model, rebuilt; kept, because every ticker's forecast asks for it.

    Raises:
        ArchitectureMismatchError: This release cannot rebuild it.
        ModelError: There is no such version.
    """
    record = _record(url, version)
    return load_model(version, record.weights, record.config)


def serving_quality(url: str, version: str) -> str:
    """The rung of the ladder on which a model stands: champion, previous or baseline."""
    status = _record(url, version).status
    return status if status in ("champion", "baseline") else "previous"


def _record(url: str, version: str) -> ModelRecord:
    with reading(store(url)) as connection:
        record = ModelRepository(connection).get(version)
    if record is None:
        raise ModelError(f"Expected model {version} in the store, found none; run `bandcast retrain`.")
    return record
