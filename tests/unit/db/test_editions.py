"""A reissue adds an edition to live bands: the first stays and is scored, the newest is shown."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from publishing import select

from db import RunRecord, Store
from db.engine import reading
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast

MakeForecast = Callable[..., Forecast]
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]
DAY, NOON = date(2024, 1, 2), datetime(2024, 1, 9, 12, tzinfo=UTC)
FIRST = ("forecasts", "forecast_quantiles", "verifications")
SHOWN = "SELECT ticker, horizon, edition, round(upper), kind FROM latest_forecast ORDER BY ticker, horizon"


@pytest.fixture
def wide(forecast: MakeForecast) -> Forecast:
    """The forecast of AAA with bands of 20 %, two sessions ahead."""
    made = forecast(horizon=2)
    return replace(made, log_returns=dict.fromkeys(made.log_returns, np.log([0.8, 1, 1.2]) * np.ones((2, 1))))


@pytest.fixture
def issued(served: Store, run: RunRecord, forecast: MakeForecast) -> Store:
    """Store with live bands of AAA and BBB."""
    publish(served, run, forecast(), forecast("BBB"))
    return served


def publish(store: Store, run: RunRecord, *issued: Forecast, reissue: bool = False) -> dict[Any, int]:
    with store.writing() as tx:
        return dict(tx.forecasts.publish(tx.forecasts.prepare(run, issued, reissue=reissue)).editions)


def later(run: RunRecord, number: int) -> RunRecord:
    return replace(run, run_id=f"r{number}", issued_at=run.issued_at + timedelta(hours=number))


def test_a_reissue_adds_an_edition_and_leaves_the_first(
    issued: Store, run: RunRecord, forecast: MakeForecast, wide: Forecast, dump: Dump
) -> None:
    before = dump()
    assert publish(issued, later(run, 2), wide, forecast("BBB"), reissue=True) == {("AAA", DAY): 2}
    after = dump()
    assert {table: after[table] for table in FIRST} == {table: before[table] for table in FIRST}
    assert select(issued, SHOWN) == [
        *(("AAA", horizon, 2, 120.0, "live") for horizon in (1, 2)),
        *(("BBB", horizon, 1, 110.0, "live") for horizon in (1, 2, 3)),
    ]
    levels = "SELECT horizon, level, round(price) FROM edition_quantiles ORDER BY horizon, level"
    assert select(issued, levels) == [
        (horizon, level, price)
        for horizon in (1, 2)
        for level, price in ((0.05, 80), (0.5, 100), (0.95, 120))
    ]


def test_the_same_values_add_nothing_and_others_the_next_edition(
    issued: Store, run: RunRecord, forecast: MakeForecast, wide: Forecast, dump: Dump
) -> None:
    publish(issued, later(run, 2), wide, reissue=True)
    before = dump()
    assert publish(issued, later(run, 3), wide, reissue=True) == {}
    assert publish(issued, later(run, 4), wide) == publish(issued, later(run, 5), forecast()) == {}
    assert dump()["forecast_editions"] == before["forecast_editions"]
    assert dump()["forecast_runs"] == before["forecast_runs"]
    assert publish(issued, later(run, 6), forecast(), reissue=True) == {("AAA", DAY): 3}
    assert select(issued, SHOWN)[0] == ("AAA", 1, 3, 110.0, "live")


def test_a_run_that_does_not_reissue_names_what_it_keeps(
    issued: Store, run: RunRecord, forecast: MakeForecast, wide: Forecast
) -> None:
    publish(issued, later(run, 2), wide, reissue=True)
    other = forecast(anchor_close=90.0)
    with issued.writing() as tx:
        published = tx.forecasts.publish(tx.forecasts.prepare(later(run, 3), [other]))
        known = [tx.forecasts.prepare(later(run, 4), [same]).kept for same in (forecast(), wide)]
    assert (published.kept, published.editions) == ((("AAA", DAY),), {})
    assert known == [(), ()]


def test_readers_of_the_store_see_the_newest_edition(issued: Store, run: RunRecord, wide: Forecast) -> None:
    late = replace(later(run, 2), kind="backfill")
    publish(issued, late, wide, reissue=True)
    with reading(issued.engine) as connection:
        shown = connection.execute(sa.text("SELECT * FROM latest_forecast ORDER BY ticker, horizon"))
        columns, rows = list(shown.keys()), shown.all()
    with issued.reading() as tx:
        latest, back = tx.forecasts.load_latest(), tx.forecasts.load_latest(["AAA"], until=DAY)
        quantiles, others = tx.forecasts.load_quantiles("AAA", DAY), tx.forecasts.load_quantiles("BBB", DAY)
    assert list(latest.columns) == columns
    assert list(latest["upper"]) == [row.upper for row in rows]
    assert list(zip(back["horizon"], back["edition"], back["kind"], strict=True)) == [
        (1, 2, "backfill"),
        (2, 2, "backfill"),
    ]
    assert list(quantiles.columns) == list(others.columns)
    assert (set(quantiles["band"]), len(quantiles), len(others)) == ({"calibrated"}, 2 * 3, 3 * 12)


def test_some_horizons_and_the_target_sessions_are_those_of_the_edition(
    issued: Store, run: RunRecord, wide: Forecast
) -> None:
    publish(issued, later(run, 2), wide, reissue=True)
    with issued.reading() as tx:
        every, some = tx.forecasts.load_latest(), tx.forecasts.load_latest(horizons=[1])
        first, second = (tx.forecasts.load_targets(["AAA", "BBB"], DAY, edition) for edition in (1, 2))
    pd.testing.assert_frame_equal(some, every[every["horizon"] == 1].reset_index(drop=True))
    assert list(zip(some["ticker"], some["edition"], strict=True)) == [("AAA", 2), ("BBB", 1)]
    assert second == {"AAA": list(wide.target_sessions)}
    assert first.keys() == {"AAA", "BBB"}
    assert first["BBB"] == list(every.loc[every["ticker"] == "BBB", "target_session"])


def test_scores_and_coverage_are_of_the_first_edition(
    issued: Store, run: RunRecord, wide: Forecast, save_prices: Callable[..., None]
) -> None:
    """A close of 115 lies above the band that was issued, and inside of the later one."""
    publish(issued, later(run, 2), wide, reissue=True)
    save_prices(issued, {"2024-01-02": 100.0, "2024-01-03": 115.0}, {})
    with issued.writing() as tx:
        pending = tx.outcomes.load_pending("AAA", date(2024, 1, 3))
        tx.outcomes.save(score_issued(pending, tx.prices.load("AAA", date(2024, 1, 3))), NOON)
    query = "SELECT outcomes, realized_coverage, above FROM coverage_by_horizon WHERE band = 'calibrated'"
    assert select(issued, query) == [(1, 0.0, 1.0)]


def test_backfilled_bands_are_replaced_and_new_ones_issued_as_ever(
    served: Store, run: RunRecord, forecast: MakeForecast, wide: Forecast
) -> None:
    publish(served, replace(run, kind="backfill"), forecast())
    assert publish(served, later(run, 2), wide, forecast("BBB"), reissue=True) == {}
    assert [row[1:4] for row in select(served, SHOWN) if row[0] == "AAA"] == [(1, 1, 120.0), (2, 1, 120.0)]
    assert select(served, "SELECT count(*) FROM forecast_editions") == [(0,)]


def test_a_run_is_known_by_the_edition_that_it_has_added(
    issued: Store, run: RunRecord, forecast: MakeForecast, wide: Forecast
) -> None:
    lower = replace(wide, quality="previous")
    publish(issued, later(run, 2), lower, reissue=True)
    publish(issued, later(run, 3), wide, reissue=True)
    with issued.reading() as tx:
        assert tx.forecasts.list_run_forecasts("r1") == [("AAA", DAY), ("BBB", DAY)]
        assert tx.forecasts.list_run_forecasts("r2") == [("AAA", DAY)]
        assert tx.forecasts.load_run_models("r2") == {"AAA": "m1"}
        assert tx.forecasts.load_quality("AAA", DAY, "r2") == "previous"
        assert tx.forecasts.matches(later(run, 2), lower)
        assert not tx.forecasts.matches(later(run, 2), wide)
        assert tx.forecasts.matches(run, forecast())


def test_the_run_of_an_edition_stays_where_a_later_reissue_has_its_inputs(
    issued: Store, run: RunRecord, forecast: MakeForecast, wide: Forecast, dump: Dump
) -> None:
    publish(issued, later(run, 2), wide, reissue=True)
    publish(issued, later(run, 3), forecast(), reissue=True)
    before = dump()["forecast_runs"]
    again = replace(later(run, 2), issued_at=run.issued_at + timedelta(hours=9))
    assert publish(issued, again, wide, reissue=True) == {("AAA", DAY): 4}
    assert dump()["forecast_runs"] == before


def test_two_reissues_at_once_are_two_editions(
    issued: Store, run: RunRecord, forecast: MakeForecast, wide: Forecast
) -> None:
    with issued.reading() as tx:
        waiting = tx.forecasts.prepare(later(run, 2), [forecast(anchor_close=90.0)], reissue=True)
    publish(issued, later(run, 3), wide, reissue=True)
    with issued.writing() as tx:
        assert tx.forecasts.publish(waiting).editions == {("AAA", DAY): 3}
    assert select(issued, "SELECT edition, count(*) FROM forecast_editions GROUP BY edition ORDER BY 1") == [
        (2, 2),
        (3, 3),
    ]
