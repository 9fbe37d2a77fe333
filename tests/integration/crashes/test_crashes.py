"""Real processes, killed or side by side, on both databases: no row is lost, doubled or half written."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from db.engine import open_engine, reading

SCRIPT = Path(__file__).parents[2] / "helpers" / "forked_runs.py"
TICKERS = ["AAPL", "IBM"]
DAILY: dict[str, Any] = {"flow": "daily", "parameters": {"tickers": TICKERS, "force": True}}
RETRAIN: dict[str, Any] = {"flow": "retrain", "parameters": {"tickers": TICKERS}}

# In the middle of each transaction; after them, and between them.
IN_TRANSACTIONS = [
    ["flows.steps.ingest:try_ticker", "after", 1],
    ["db.repositories.models:ModelRepository.promote", "after", 1],
    ["db.repositories.forecasts:ForecastRepository.publish", "after", 1],
]
BETWEEN = [
    ["forecasting.model.training:fit_network", "after", 1],  # first: no later run trains
    ["db.repositories.calibrations:CalibrationRepository.add", "after", 1],
    ["flows.steps.publish:emit_published", "before", 1],
    ["flows.steps.sessions:ingest_tickers", "after", 1],
    ["flows.steps.publish:ensure_model", "after", 1],
    ["flows.steps.process_pools:forecast_ticker", "after", 1],
    ["flows.steps.publish:quarantine_tickers", "after", 1],
]

# What must be the same, whatever happened on the way; when and by which process is not part of it.
CONTENT = {
    "forecasts": "ticker, as_of, target_session, horizon, anchor_close, lower, median, upper, quality, "
    "model_version, model_variance, noise_variance",
    "forecast_quantiles": "*",
    "price_bars": "source, ticker, session, open, high, low, close, volume",
    "model_versions": "version, source, trained_through, status, data_fingerprint",
    "forecast_runs": "run_id, source, as_of, model_version, settings, data_fingerprint",
}


@pytest.fixture
def urls(dialect: str, request: pytest.FixtureRequest, workplace: Path) -> tuple[str, str]:
    """Two databases of the engine: one for runs that are killed, one for runs side by side."""
    if dialect == "sqlite":
        return f"sqlite:///{workplace}/killed.db", f"sqlite:///{workplace}/together.db"
    return request.getfixturevalue("postgres_url"), request.getfixturevalue("migrated_postgres_url")


def run_steps(steps: list[list[dict[str, Any]]]) -> list[list[int]]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        input=json.dumps(steps),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(SCRIPT.parents[2])},
    )
    assert done.returncode == 0, done.stderr
    statuses: list[list[int]] = json.loads(done.stdout.splitlines()[-1])
    assert all(code in (0, -signal.SIGKILL) for step in statuses for code in step), done.stderr
    return statuses


def comparable(row: Sequence[Any]) -> tuple[Any, ...]:
    """The row alike on both databases: SQLite gives dates as texts."""
    return tuple(str(value) if isinstance(value, date) else value for value in row)


def content(url: str) -> dict[str, list[Any]]:
    engine = open_engine(url)
    try:
        with reading(engine) as connection:
            rows = {
                table: connection.execute(sa.text(f"SELECT {columns} FROM {table}"))
                for table, columns in CONTENT.items()
            }
            return {table: sorted(map(comparable, found)) for table, found in rows.items()}
    finally:
        engine.dispose()


@contextmanager
def watching(url: str) -> Iterator[list[Any]]:
    """Look at the table all the while; what was seen of the bands, without repetition."""
    seen: list[Any] = []
    finished = threading.Event()

    def look() -> None:
        engine = open_engine(url)
        while not finished.wait(0.02):
            with reading(engine) as connection:
                if not sa.inspect(connection).has_table("forecast_quantiles"):
                    continue
                bands = connection.execute(
                    sa.text("SELECT ticker, count(*) FROM forecasts GROUP BY 1 ORDER BY 1")
                )
                rows = tuple(map(tuple, bands))
                quantiles = connection.scalar(sa.text("SELECT count(*) FROM forecast_quantiles"))
            if (rows, quantiles) not in seen:
                seen.append((rows, quantiles))
        engine.dispose()

    reader = threading.Thread(target=look)
    reader.start()
    try:
        yield seen
    finally:
        finished.set()
        reader.join()


@pytest.mark.usefixtures("prefect_url")
@pytest.mark.parametrize(
    ("dialect", "points"),
    [
        ("sqlite", IN_TRANSACTIONS),
        pytest.param("sqlite", BETWEEN, marks=pytest.mark.long),
        pytest.param("postgres", BETWEEN[:1] + IN_TRANSACTIONS + BETWEEN[1:], marks=pytest.mark.long),
    ],
    ids=["sqlite-in transactions", "sqlite-between", "postgres-all"],
    indirect=["dialect"],
)
def test_killed_or_side_by_side_the_runs_leave_what_one_undisturbed_run_does(
    urls: tuple[str, str], points: list[list[Any]], workplace: Path
) -> None:
    killed, together = urls
    alone = f"sqlite:///{workplace}/alone.db"
    crashes = [[{**DAILY, "url": killed, "kill": point}] for point in points]
    crowd = [{**DAILY, "url": together}, {**DAILY, "url": together}, {**RETRAIN, "url": together}]
    steps: list[list[dict[str, Any]]] = [
        [{**DAILY, "url": alone}],
        *crashes,
        [{**DAILY, "url": killed}],
        crowd,
    ]
    with watching(killed) as seen_killed, watching(together) as seen_together:
        statuses = run_steps(steps)
    assert statuses == [[0], *[[-signal.SIGKILL]] * len(points), [0], [0, 0, 0]]

    expected = content(alone)
    assert content(killed) == expected
    assert content(together) == expected
    whole = (("AAPL", 30), ("IBM", 30)), len(expected["forecast_quantiles"])
    for seen in (seen_killed, seen_together):
        assert [bands for bands in seen if bands not in (((), 0), whole)] == []
        assert whole in seen
