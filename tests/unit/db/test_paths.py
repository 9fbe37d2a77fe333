"""Odds of the way are scored once their target has closed, and again where prices on the way changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from publishing import publish

from db import RunRecord, Selection, Store
from db.engine import reading, writing
from db.migrate import downgrade, upgrade
from forecasting.errors import TableError
from forecasting.evaluation.paths import measure_path_outcomes
from forecasting.forecast import Forecast, PathOdds
from forecasting.tables import PATH_OUTCOMES

DAY, LAST = date(2024, 1, 2), date(2024, 1, 16)
NOON = datetime(2024, 1, 17, 12, tzinfo=UTC)
# Five sessions later the price has been at -4 % and at +12 %; ten sessions later at -25 %.
CLOSES = {
    "2024-01-02": 100.0,
    "2024-01-03": 96.0,
    "2024-01-04": 105.0,
    "2024-01-05": 112.0,
    "2024-01-08": 110.0,
    "2024-01-09": 108.0,
    "2024-01-10": 90.0,
    "2024-01-11": 75.0,
    "2024-01-12": 80.0,
    "2024-01-15": 81.0,
    "2024-01-16": 82.0,
}
ODDS = PathOdds(
    within=(5, 10),
    moves=(-0.2, -0.05, 0.1),
    touch=np.array([[0.02, 0.35, 0.15], [0.1, 0.55, 0.3]]),
    levels=(0.05, 0.95),
    drawdown=np.array([[0.01, 0.05], [0.02, 0.2]]),
)
OLDER_LEVELS = """
INSERT INTO path_odds (source, ticker, as_of, horizon, statistic, level, value)
SELECT source, ticker, as_of, horizon, 'touch', 0.125, 0.4 FROM path_odds WHERE level = 0.1
"""

MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


def score(store: Store, until: date = LAST, at: datetime = NOON) -> int:
    """Score as the flow does; return the number of paths that waited."""
    with store.writing() as tx:
        waiting = tx.paths.load_pending("AAA", until)
        tx.paths.save(measure_path_outcomes(waiting, tx.prices.load("AAA", until)), at)
    return len(waiting)


@pytest.fixture
def issued(served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices) -> Store:
    """Store with a live forecast of AAA with odds, one of BBB without, and the closes that followed."""
    publish(served, run, replace(forecast(horizon=10), odds=ODDS), forecast("BBB", horizon=10))
    for ticker in ("AAA", "BBB"):
        save_prices(served, CLOSES, {}, ticker=ticker)
    return served


def test_a_path_is_scored_once_its_target_has_closed(issued: Store, dump: Dump) -> None:
    assert score(issued, date(2024, 1, 8)) == 0
    assert score(issued, date(2024, 1, 9)) == 1
    assert score(issued) == 1
    assert score(issued, at=NOON + timedelta(days=1)) == 0
    rows = dump()["path_outcomes"]
    assert [row[3] for row in rows] == [10, 5]
    assert rows[1][6:9] == pytest.approx((0.12, -0.04, 0.04))
    assert rows[0][6:9] == pytest.approx((0.12, -0.25, 1 - 75 / 112))
    assert {row[-1] for row in rows} == {NOON}
    with issued.reading() as tx:
        assert tx.paths.load_pending("BBB", LAST).empty


def test_touches_are_counted_by_horizon_and_tenth(issued: Store) -> None:
    score(issued)
    with issued.reading() as tx:
        found = tx.paths.compare_touches()
        assert tx.paths.compare_touches(Selection(tickers=["BBB"])).empty
        assert tx.paths.compare_touches(Selection(since=date(2024, 1, 3))).empty
        assert tx.paths.compare_touches(Selection(kinds=["backfill"])).empty
    rows = [tuple(row) for row in found.itertuples(index=False)]
    assert rows == [
        (5, 0, 1, 0.02, 0.0),
        (5, 1, 1, 0.15, 1.0),
        (5, 3, 1, 0.35, 0.0),
        (10, 1, 1, 0.1, 1.0),  # a tenth begins with its lower bound
        (10, 3, 1, 0.3, 1.0),
        (10, 5, 1, 0.55, 1.0),
    ]


def test_drawdowns_are_counted_by_horizon_and_level(issued: Store) -> None:
    score(issued)
    with issued.reading() as tx:
        found = tx.paths.compare_drawdowns()
    rows = [tuple(row) for row in found.itertuples(index=False)]
    assert rows == [(5, 0.05, 1, 0.0), (5, 0.95, 1, 1.0), (10, 0.05, 1, 0.0), (10, 0.95, 1, 0.0)]


@pytest.mark.parametrize(
    ("view", "columns", "method"),
    [
        ("touches_by_tenth", "horizon, tenth, outcomes, mean_probability, touched", "compare_touches"),
        ("drawdowns_by_level", "horizon, level, outcomes, at_or_below", "compare_drawdowns"),
    ],
)
def test_the_views_show_the_same(issued: Store, view: str, columns: str, method: str) -> None:
    score(issued)
    with issued.reading() as tx:
        rows = [tuple(row) for row in getattr(tx.paths, method)().itertuples(index=False)]
    for name in (view, f"all_{view}"):
        query = f"SELECT {columns} FROM {name} WHERE kind = 'live' ORDER BY 1, 2"
        with reading(issued.engine) as connection:
            assert [tuple(row) for row in connection.execute(sa.text(query))] == rows
            sources = connection.scalars(sa.text(f"SELECT DISTINCT source FROM {name}")).all()
        assert sources == ["sample"]


def test_a_revised_volume_is_no_reason_to_measure_again(issued: Store, save_prices: SavePrices) -> None:
    score(issued)
    save_prices(issued, CLOSES, {}, later=timedelta(days=10), volume=7.0)
    assert score(issued, at=NOON + timedelta(days=10)) == 0


def test_a_revised_close_or_a_late_split_on_the_way_is_measured_again(
    issued: Store, save_prices: SavePrices, dump: Dump
) -> None:
    score(issued)
    save_prices(issued, {**CLOSES, "2024-01-10": 60.0}, {}, later=timedelta(days=10))
    later = NOON + timedelta(days=10)
    assert score(issued, at=later) == 1  # the close lies beyond the fifth session
    assert score(issued, at=later + timedelta(days=1)) == 0
    lowest = {row[3]: row[7] for row in dump()["path_outcomes"]}
    assert lowest == pytest.approx({5: -0.04, 10: -0.4})
    halved = {day: close / 2 if day >= "2024-01-08" else close for day, close in CLOSES.items()}
    save_prices(issued, halved, {"2024-01-08": 2.0}, later=timedelta(days=20))
    assert score(issued, at=NOON + timedelta(days=30)) == 2
    lowest = {row[3]: row[7] for row in dump()["path_outcomes"]}
    assert lowest == pytest.approx({5: -0.04, 10: -0.25})


def test_a_bar_on_the_way_that_comes_late_is_measured(
    issued: Store, save_prices: SavePrices, dump: Dump
) -> None:
    """As after a gap, or where a person has had it forgotten and the source brings it back."""
    gone = date(2024, 1, 11)
    with issued.writing() as tx:
        tx.prices.set_aside("AAA", gone, gone, reason="forgotten", at=NOON)
        tx.paths.forget("AAA", [gone])
    score(issued, at=NOON + timedelta(days=1))
    assert {row[3]: row[7] for row in dump()["path_outcomes"]} == pytest.approx({5: -0.04, 10: -0.2})
    save_prices(issued, CLOSES, {}, later=timedelta(days=2))
    assert score(issued, at=NOON + timedelta(days=3)) == 1
    assert {row[3]: row[7] for row in dump()["path_outcomes"]} == pytest.approx({5: -0.04, 10: -0.25})


def test_outcomes_go_with_their_bars_and_with_a_forecast_that_is_replaced(
    issued: Store, run: RunRecord, forecast: MakeForecast, dump: Dump
) -> None:
    score(issued)
    with issued.writing() as tx:
        tx.paths.forget("AAA", [])
        tx.paths.forget("AAA", [date(2024, 1, 2)])  # the anchor stays as it was issued
        tx.paths.forget("AAA", [date(2023, 12, 29), date(2024, 1, 17)])  # before and after the way
    assert len(dump()["path_outcomes"]) == 2
    with issued.writing() as tx:
        tx.paths.forget("AAA", [date(2024, 1, 10), LAST])
    assert [row[3] for row in dump()["path_outcomes"]] == [5]
    again = replace(run, run_id="r2", kind="backfill")
    first = replace(forecast("CCC", horizon=10), odds=ODDS)
    publish(issued, again, first)
    with issued.writing() as tx:
        outcome = measure_path_outcomes(tx.paths.load_pending("CCC", LAST), tx.prices.load("AAA", LAST))
        tx.paths.save(outcome.assign(ticker="CCC"), NOON)
    publish(issued, replace(again, run_id="r3"), replace(first, anchor_close=50.0))
    assert {row[1] for row in dump()["path_outcomes"]} == {"AAA"}


def test_odds_and_outcomes_survive_the_tables_of_earlier_releases_and_back(
    issued: Store, run: RunRecord, forecast: MakeForecast, dump: Dump, dialect: str
) -> None:
    score(issued)
    downgrade(issued.engine, "0018")
    with writing(issued.engine) as connection:
        connection.execute(sa.text(OLDER_LEVELS))
    before = dump()
    assert sorted({row[5] for row in before["path_odds"]}) == [-0.2, -0.05, 0.05, 0.1, 0.125, 0.95]
    upgrade(issued.engine)
    assert dump() == before
    with issued.reading() as tx:
        assert not tx.paths.compare_touches().empty
    publish(
        issued, replace(run, run_id="r2", kind="backfill"), replace(forecast("CCC", horizon=10), odds=ODDS)
    )
    assert len(dump()["path_odds"]) == len(before["path_odds"]) + 10
    if dialect == "sqlite":
        with reading(issued.engine) as connection:
            without_rowid = set(connection.scalars(sa.text("SELECT name FROM pragma_table_list WHERE wr")))
        assert {"forecast_odds", "path_outcomes", "unlisted_odds"} <= without_rowid


def test_a_frame_of_another_schema_is_refused(issued: Store) -> None:
    with issued.writing() as tx, pytest.raises(TableError, match="path outcomes"):
        tx.paths.save(PATH_OUTCOMES.empty().drop(columns="lowest"), NOON)
