"""The queries of docs/consuming.md on each database, in pandas and in DuckDB, with answers of plain Python.

DuckDB's extension for SQLite files has to be downloaded, so DuckDB is given the tables and views as frames.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import sqlalchemy as sa
from consumer_store import fill
from store_twin import SESSIONS

from db import Store
from db.engine import open_engine, reading
from db.migrate import upgrade
from db.schema import metadata
from db.schema.views import VIEWS

DOCUMENT = Path(__file__).parents[3] / "docs" / "consuming.md"
QUERY = re.compile(r"^### ([^\n]+)\n\n(?:[A-Z][^\n]*\n\n)?```sql\n(.+?)```", re.MULTILINE | re.DOTALL)
QUERIES: dict[str, str] = {match[1]: match[2] for match in QUERY.finditer(DOCUMENT.read_text())}
WHOLE_HISTORY = "Coverage by horizon"  # of every score that there is
Row = dict[str, Any]
Tables = dict[str, list[Row]]
Answer = list[tuple[Any, ...]]
Ask = Callable[[str], Answer]


@pytest.fixture(scope="module")
def sqlite_filled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = open_engine(f"sqlite:///{shutil.copy(sqlite_template, tmp_path_factory.mktemp('asked'))}")
    fill(Store(engine, "yahoo"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def postgres_filled(module_postgres_url: str) -> Iterator[sa.Engine]:
    engine = open_engine(module_postgres_url)
    upgrade(engine)
    fill(Store(engine, "yahoo"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def frames(sqlite_filled: sa.Engine) -> dict[str, pd.DataFrame]:
    """Every table and view of the SQLite file as pandas reads it, with days as days."""
    names = [*metadata.tables, *(view.name for view in VIEWS)]
    with reading(sqlite_filled) as connection:
        return {name: pd.read_sql_table(name, connection) for name in names}


@pytest.fixture(scope="module")
def tables(sqlite_filled: sa.Engine) -> Tables:
    """Rows of the tables, by their names in SQL."""
    with reading(sqlite_filled) as connection:
        return {
            name: [dict(row) for row in connection.execute(sa.text(f"SELECT * FROM {name}")).mappings()]
            for name in (*metadata.tables, "forecast_quantiles", "verifications")
        }


@pytest.fixture(scope="module")
def duckdb_filled(frames: dict[str, pd.DataFrame]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name, frame in frames.items():
            connection.register(name, frame)
        yield connection


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres), "pandas", "duckdb"],
)
def ask(request: pytest.FixtureRequest) -> Ask:
    """Run a query, and return its rows with days as text."""
    if request.param == "duckdb":
        connection: duckdb.DuckDBPyConnection = request.getfixturevalue("duckdb_filled")
        return lambda query: simplify(connection.sql(query).fetchall())
    name = "postgres" if request.param == "postgres" else "sqlite"
    engine: sa.Engine = request.getfixturevalue(f"{name}_filled")
    return ask_pandas(engine) if request.param == "pandas" else ask_database(engine)


def ask_database(engine: sa.Engine) -> Ask:
    def run(query: str) -> Answer:
        with reading(engine) as connection:
            return simplify(connection.execute(sa.text(query)).all())

    return run


def ask_pandas(engine: sa.Engine) -> Ask:
    def run(query: str) -> Answer:
        with reading(engine) as connection:
            frame = pd.read_sql(sa.text(query), connection)
        return simplify(list(frame.itertuples(index=False)))

    return run


def simplify(rows: Sequence[Sequence[Any]]) -> Answer:
    """Make the cells of any reader alike: days as text, missing values as None, decimals as floats."""
    return [tuple(simplify_cell(cell) for cell in row) for row in rows]


def simplify_cell(cell: Any) -> Any:
    if cell is None or cell != cell:  # noqa: PLR0124  # not a number is not itself
        return None
    if isinstance(cell, date):
        return cell.isoformat()[:10]
    return float(cell) if isinstance(cell, Decimal) else cell


def select(tables: Tables, table: str, **values: Any) -> list[Row]:
    """Rows of `yahoo` with some values."""
    wanted = {"source": "yahoo", **values}
    return [row for row in tables[table] if all(row[name] == value for name, value in wanted.items())]


def pick(rows: Sequence[Row], columns: str) -> Answer:
    """Sorted values of some columns."""
    return sorted(tuple(row[name] for name in columns.split()) for row in rows)


def find_newest(tables: Tables) -> list[Row]:
    """Newest bands of each ticker that the newest run has forecast or left out."""
    rows = select(tables, "forecasts")
    newest = {
        ticker: max(r["as_of"] for r in rows if r["ticker"] == ticker) for ticker in ("AAPL", "MSFT", "NVDA")
    }
    ages = {row["ticker"]: row["age_sessions"] for row in select(tables, "universes")}
    return [
        {**row, "age_sessions": ages[row["ticker"]]} for row in rows if row["as_of"] == newest[row["ticker"]]
    ]


def find_scores(tables: Tables) -> list[Row]:
    return select(tables, "verifications", method="calibrated", kind="live")


def answer_newest(tables: Tables) -> Answer:
    rows = [row for row in find_newest(tables) if row["ticker"] == "AAPL"]
    return pick(rows, "as_of target_session horizon lower median upper quality age_sessions")


def answer_misses(tables: Tables) -> Answer:
    scores = find_scores(tables)
    last = max(row["target_session"] for row in scores)
    missed = [row for row in scores if row["target_session"] == last and not row["inside"]]
    return pick(missed, "ticker as_of horizon below above")


def answer_quarter(tables: Tables) -> Answer:
    scores = find_scores(tables)
    by_ticker = {
        row["ticker"]: [r["inside"] for r in scores if r["ticker"] == row["ticker"]] for row in scores
    }
    return sorted((ticker, len(inside), sum(inside) / len(inside)) for ticker, inside in by_ticker.items())


def answer_horizons(tables: Tables) -> Answer:
    scores = find_scores(tables)
    groups: dict[tuple[int, str], list[int]] = {}
    for row in scores:
        groups.setdefault((row["horizon"], row["quality"]), []).append(row["inside"])
    return sorted((*key, len(inside), 0.9, sum(inside) / len(inside)) for key, inside in groups.items())


def answer_portfolio(tables: Tables) -> Answer:
    shares = {"AAPL": 10, "NVDA": 4}
    rows = [row for row in find_newest(tables) if row["ticker"] in shares and row["horizon"] == 5]
    worth = (
        (row["ticker"], *(shares[row["ticker"]] * row[edge] for edge in ("lower", "median", "upper")))
        for row in rows
    )
    return sorted(worth)


def answer_probability(tables: Tables) -> Answer:
    rows = select(
        tables, "forecast_quantiles", ticker="AAPL", as_of=str(SESSIONS[3]), horizon=5, band="calibrated"
    )
    for (level, price), (next_level, next_price) in pairwise(pick(rows, "level price")):
        if price <= 180 < next_price:
            return [(level + (next_level - level) * (180 - price) / (next_price - price),)]
    raise AssertionError("180 lies outside of the quantiles")


def answer_widest(tables: Tables) -> Answer:
    rows = [row for row in find_newest(tables) if row["horizon"] == 5]
    widths = [(row["ticker"], (row["upper"] - row["lower"]) / row["median"]) for row in rows]
    return sorted(widths, key=lambda item: -item[1])


def answer_models(tables: Tables) -> Answer:
    rows = select(tables, "forecasts", ticker="AAPL", horizon=1)
    trained = {row["version"]: row["trained_through"] for row in tables["model_versions"]}
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        groups.setdefault((row["model_version"], row["quality"]), []).append(row["as_of"])
    found = [(*key, min(days), max(days), len(days), trained[key[0]]) for key, days in groups.items()]
    return sorted(found, key=lambda item: (item[2], item[0]))


def answer_missing(tables: Tables) -> Answer:
    (left_out,) = select(tables, "quarantines")
    newest = max(row["as_of"] for row in select(tables, "forecasts", ticker=left_out["ticker"]))
    return [(left_out["ticker"], left_out["as_of"], newest, 1, left_out["reason"], left_out["detail"])]


def answer_freshness(tables: Tables) -> Answer:
    newest = max(row["as_of"] for row in select(tables, "universes"))
    universe = {row["ticker"] for row in select(tables, "universes", as_of=newest)}
    forecast = {row["ticker"] for row in select(tables, "forecasts", as_of=newest)} & universe
    return [(newest, len(universe), len(forecast), len(universe) - len(forecast))]


def answer_closes(tables: Tables) -> Answer:
    (split,) = select(tables, "corporate_actions", ticker="NVDA", kind="split")
    bars = [row for row in select(tables, "price_bars", ticker="NVDA") if row["session"] >= "2024-01-04"]
    ratios = {row["session"]: split["value"] if row["session"] < split["session"] else 1.0 for row in bars}
    return sorted(
        (row["session"], row["close"], ratios[row["session"]], row["close"] / ratios[row["session"]])
        for row in bars
    )


ANSWERS: dict[str, Callable[[Tables], Answer]] = {
    "Newest bands of a ticker": answer_newest,
    "Bands as they were issued on a day": lambda tables: pick(
        select(tables, "forecasts", as_of="2024-01-03"),
        "ticker target_session horizon anchor_close lower median upper",
    ),
    "All bands of a session": lambda tables: pick(
        select(tables, "forecasts", target_session="2024-01-08"), "ticker as_of horizon lower median upper"
    ),
    "Misses of the newest scored session": answer_misses,
    "Coverage of a quarter by ticker": answer_quarter,
    "Coverage by horizon": answer_horizons,
    "Worth of a portfolio in five sessions": answer_portfolio,
    "Probability of a close below a price": answer_probability,
    "Widest bands": answer_widest,
    "Models of a ticker's bands": answer_models,
    "How the band of a session moved": lambda tables: pick(
        select(tables, "forecasts", ticker="NVDA", target_session="2024-01-10"),
        "as_of horizon lower median upper",
    ),
    "Who has no band, and why": answer_missing,
    "How fresh the bands are": answer_freshness,
    "Closes in the units of today": answer_closes,
}


@pytest.mark.parametrize("question", ANSWERS)
def test_a_query_has_the_right_answer(ask: Ask, tables: Tables, question: str) -> None:
    expected = [tuple(map(approximate, row)) for row in ANSWERS[question](tables)]
    assert expected
    assert ask(QUERIES[question]) == expected


def approximate(cell: Any) -> Any:
    return pytest.approx(cell) if isinstance(cell, float) else cell


@pytest.mark.parametrize("question", [name for name in ANSWERS if name != WHOLE_HISTORY])
def test_no_query_walks_through_all_bands_or_scores(sqlite_filled: sa.Engine, question: str) -> None:
    """A SQLite file has no counts of rows by which a plan could be chosen."""
    with reading(sqlite_filled) as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {QUERIES[question]}")]
    walks = [
        line for line in plan if re.search(r"(_forecasts_\w+|\bo USING PRIMARY KEY) \(source=\?\)$", line)
    ]
    scans = [line for line in plan if re.match(r"SCAN (forecasts|o|q)\b", line)]
    assert [*walks, *scans] == []


@pytest.mark.parametrize("view", ["coverage_by_horizon", "coverage_by_ticker"])
def test_averages_of_all_scores_read_them_in_the_order_of_the_table(
    sqlite_filled: sa.Engine, view: str
) -> None:
    query = f"SELECT outcomes FROM {view} WHERE source = 'yahoo' AND band = 'calibrated'"
    with reading(sqlite_filled) as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
    assert "SEARCH o USING PRIMARY KEY (source=?)" in plan


def test_each_documented_query_is_tested_and_has_at_most_two_joins() -> None:
    assert list(QUERIES) == list(ANSWERS)
    assert max(query.count("JOIN ") for query in QUERIES.values()) <= 2
