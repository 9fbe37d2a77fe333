"""Both databases: a SQLite file, and a real PostgreSQL that listens on a unix socket alone."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from db.engine import open_engine, reading, writing
from db.migrate import upgrade
from db.records import ModelRecord, RunRecord
from db.repositories.models import ModelRepository
from db.repositories.prices import PriceRepository
from db.schema import metadata
from forecasting.forecast import BANDS, Forecast
from forecasting.prices.history import BAR_COLUMNS, PriceHistory

Dump = dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "bandcast.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Of a new, empty database."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path}/store/bandcast.sqlite"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def empty(url: str) -> Iterator[sa.Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """Of a new copy of a database that the migrations made."""
    if dialect == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        engine = open_engine(f"sqlite:///{shutil.copy(template, tmp_path)}")
    else:
        engine = open_engine(request.getfixturevalue("migrated_postgres_url"))
    yield engine
    engine.dispose()


@pytest.fixture
def served(engine: sa.Engine, model: ModelRecord) -> sa.Engine:
    """A database whose source `sample` has a champion."""
    with writing(engine) as conn:
        ModelRepository(conn).add(model)
        ModelRepository(conn).promote(model.version)
    return engine


@pytest.fixture
def dump(engine: sa.Engine) -> Callable[[], Dump]:
    """Every row of every table, sorted."""

    def rows() -> Dump:
        with reading(engine) as conn:
            return {
                name: sorted((tuple(row) for row in conn.execute(sa.select(table))), key=str)
                for name, table in metadata.tables.items()
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
    return RunRecord(
        run_id="r1",
        source="sample",
        as_of=date(2024, 1, 2),
        model_version="m1",
        seed=7,
        settings="{}",
        data_fingerprint="f",
        code_version="0.1.0",
        library_versions="{}",
        flow_run_id=None,
        issued_at=datetime(2024, 1, 2, 22, tzinfo=UTC),
    )


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
            log_returns=dict.fromkeys(BANDS, spread),
            model_variance=np.full(horizon, 1e-4),
            noise_variance=np.full(horizon, 2e-4),
            quality="champion",
            data_fingerprint="f",
            regime="calm",
            outcomes=(250,) * horizon,
        )
        return replace(made, **changes)

    return make


@pytest.fixture
def store_prices() -> Callable[..., None]:
    """Store closes and splits of a ticker by day, as a pull would."""

    def store(engine: sa.Engine, closes: dict[str, float], splits: dict[str, float], **options: Any) -> None:
        bars = pd.DataFrame(dict.fromkeys(BAR_COLUMNS, pd.Series(closes)))
        actions = pd.DataFrame({"split": pd.Series(splits, dtype="float64"), "dividend": 0.0})
        for frame in (bars, actions):
            frame.index = pd.DatetimeIndex(frame.index)
        seen_at = datetime(2024, 1, 9, tzinfo=UTC) + options.get("later", timedelta(0))
        history = PriceHistory(options.get("ticker", "AAA"), bars, actions)
        with writing(engine) as conn:
            PriceRepository(conn, options.get("source", "sample")).store(history, seen_at)

    return store
