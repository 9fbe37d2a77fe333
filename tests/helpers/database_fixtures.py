"""A model, a run, a forecast, and empty stores on both databases: a SQLite file, and a real PostgreSQL."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from records import make_run
from shown_rows import SHOWN

from db import ModelRecord, RunRecord, Store
from db.engine import open_engine, reading
from db.migrate import upgrade
from forecasting.forecast import Forecast
from forecasting.prices.history import BAR_COLUMNS, PriceHistory
from forecasting.types import Band

Dump = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "bandcast.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """URL of a new, empty database."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path}/store/bandcast.sqlite"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def empty(url: str) -> Iterator[sa.Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def migrated_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """URL of a new copy of a database that the migrations made."""
    if dialect == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        return f"sqlite:///{shutil.copy(template, tmp_path)}"
    return str(request.getfixturevalue("migrated_postgres_url"))


@pytest.fixture
def engine(migrated_url: str) -> Iterator[sa.Engine]:
    engine = open_engine(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: sa.Engine) -> Store:
    """Migrated database without rows, of source `sample`."""
    return Store(engine, "sample")


@pytest.fixture
def served(store: Store, model: ModelRecord) -> Store:
    """Store with a champion."""
    with store.writing() as tx:
        tx.models.add(model)
        tx.models.promote(model.version)
    return store


@pytest.fixture
def dump(engine: sa.Engine) -> Callable[[], Dump]:
    """Read every row that a store shows, sorted."""

    def rows() -> Dump:
        with reading(engine) as connection:
            return {
                name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=str)
                for name, table in SHOWN.items()
            }

    return rows


@pytest.fixture
def model() -> ModelRecord:
    return ModelRecord(
        version="m1",
        source="sample",
        trained_through=date(2023, 12, 29),
        weights=b"\x00\xff",
        config='{"layers": 2}',
        metrics={"pinball": 0.5},
        data_fingerprint="f",
        created_at=datetime(2024, 1, 1, 6, tzinfo=UTC),
    )


@pytest.fixture
def run() -> RunRecord:
    return make_run("r1", date(2024, 1, 2), datetime(2024, 1, 2, 22, tzinfo=UTC), model_version="m1")


@pytest.fixture
def forecast() -> Callable[..., Forecast]:
    """Make a forecast of 100 plus or minus 10 % from 2024-01-02 on."""

    def make(ticker: str = "AAA", horizon: int = 3, **changes: Any) -> Forecast:
        spread = np.log([0.9, 1.0, 1.1]) * np.ones((horizon, 1))  # (H, Q)
        days = pd.bdate_range("2024-01-03", periods=horizon)
        made = Forecast(
            ticker=ticker,
            as_of=date(2024, 1, 2),
            anchor_close=100.0,
            target_sessions=tuple(day.date() for day in days),
            levels=(0.05, 0.5, 0.95),
            log_returns=dict.fromkeys(get_args(Band), spread),
            model_variance=np.full(horizon, 1e-4),
            noise_variance=np.full(horizon, 2e-4),
            quality="champion",
            data_fingerprint="f",
            regime="calm",
            n_outcomes=(250,) * horizon,
        )
        return replace(made, **changes)

    return make


@pytest.fixture
def save_prices() -> Callable[..., None]:
    """Save closes and splits of a ticker by day, as an ingest would."""

    def save(
        store: Store,
        closes: dict[str, float],
        splits: dict[str, float],
        *,
        ticker: str = "AAA",
        later: timedelta = timedelta(0),
        volume: float | None = None,
    ) -> None:
        bars = pd.DataFrame(dict.fromkeys(BAR_COLUMNS, pd.Series(closes)))
        bars = bars if volume is None else bars.assign(volume=volume)
        actions = pd.DataFrame({"split": pd.Series(splits, dtype="float64"), "dividend": 0.0})
        for frame in (bars, actions):
            frame.index = pd.DatetimeIndex(frame.index)
        with store.writing() as tx:
            seen_at = datetime(2024, 1, 9, tzinfo=UTC) + later
            tx.prices.save(PriceHistory(ticker, bars, actions), seen_at)

    return save
