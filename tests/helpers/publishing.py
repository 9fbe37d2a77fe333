"""Publishing forecasts in a store as a run does, and reading rows of its tables."""

from typing import Any

import sqlalchemy as sa

from db import RunRecord, Store
from db.engine import reading
from forecasting.forecast import Forecast


def publish(store: Store, run: RunRecord, *issued: Forecast, **ages: int) -> None:
    with store.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(run, issued), ages)


def select(store: Store, query: str) -> list[tuple[Any, ...]]:
    with reading(store.engine) as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]
