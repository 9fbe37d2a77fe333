"""Views as a consumer with one SELECT sees them."""

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from publishing import publish

from db import RunRecord, Store
from db.engine import reading
from db.migrate import downgrade, upgrade
from db.schema import (
    forecast_with_outcome,
    forecasts,
    latest_forecast,
)
from db.schema.views import VIEWS
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast

NOON = datetime(2024, 1, 9, 12, tzinfo=UTC)
SPLITS = {"2024-01-03": 4.0, "2024-01-04": 1.5}
MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_columns_are_the_documented_ones(engine: sa.Engine, view: sa.TableClause) -> None:
    found = [column["name"] for column in sa.inspect(engine).get_columns(view.name)]
    assert found == [column.name for column in view.c]


def test_latest_has_the_public_columns() -> None:
    left_out = {"run_id", "model_variance", "noise_variance"}
    added = {"kind", "age_sessions", "currency", "name", "nominal_coverage", "edition"}
    stored, shown = {column.name for column in forecasts.c}, {column.name for column in latest_forecast.c}
    assert (stored - shown, shown - stored) == (left_out, added)


def test_outcome_across_splits_is_in_units_of_as_of(
    served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices
) -> None:
    """Forecast from 100 on 2024-01-02; 4:1 on the 3rd, 3:2 on the 4th, no bar yet on the 8th."""
    publish(served, run, forecast(horizon=4))
    save_prices(
        served, {"2024-01-02": 100.0, "2024-01-03": 25.0, "2024-01-04": 16.0, "2024-01-05": 20.0}, SPLITS
    )
    rows = outcomes(served)
    assert [row.actual_close for row in rows] == [100.0, 96.0, 120.0, None]
    assert [row.inside for row in rows] == [1, 1, 0, None]
    assert [row.actual_log_return for row in rows[:3]] == pytest.approx([0.0, math.log(0.96), math.log(1.2)])
    assert rows[3].actual_log_return is None


def test_splits_up_to_as_of_and_after_the_target_do_not_count(
    served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices
) -> None:
    publish(served, run, forecast(horizon=1))
    save_prices(served, {"2024-01-02": 100.0, "2024-01-03": 101.0}, {"2024-01-02": 2.0, "2024-01-04": 5.0})
    assert [row.actual_close for row in outcomes(served)] == [101.0]


def test_prices_of_another_source_or_ticker_do_not_count(
    served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices
) -> None:
    publish(served, run, forecast(horizon=1))
    save_prices(served, {"2024-01-02": 100.0}, {})
    save_prices(served.for_source("yahoo"), {"2024-01-03": 25.0}, SPLITS)
    save_prices(served, {"2024-01-03": 25.0}, SPLITS, ticker="BBB")
    assert [row.actual_close for row in outcomes(served)] == [None]


def test_a_withdrawn_split_does_not_count(
    served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices
) -> None:
    publish(served, run, forecast(horizon=1))
    save_prices(served, {"2024-01-02": 100.0, "2024-01-03": 25.0}, SPLITS)
    for days in (0, 7):  # missing for a week
        save_prices(served, {"2024-01-02": 100.0, "2024-01-03": 100.0}, {}, later=timedelta(days=days))
    assert [row.actual_close for row in outcomes(served)] == [100.0]


def test_outcomes_are_stored_and_an_upgraded_store_has_them(
    served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices
) -> None:
    publish(served, run, forecast(horizon=4))
    save_prices(
        served, {"2024-01-02": 100.0, "2024-01-03": 25.0, "2024-01-04": 16.0, "2024-01-05": 20.0}, SPLITS
    )
    before = outcomes(served)
    downgrade(served.engine, "0007")
    upgrade(served.engine)
    query = sa.select(forecast_with_outcome).order_by(forecast_with_outcome.c.horizon)
    with reading(served.engine) as connection:
        assert list(connection.execute(query)) == before
    assert [row.below + row.above for row in before[:3]] == [0, 0, 1]
    assert all(row.crps > 0 and row.winkler > 0 for row in before[:3])


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_consumer_needs_the_file_and_one_select(
    served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices
) -> None:
    publish(served, run, forecast(horizon=1))
    save_prices(served, {"2024-01-03": 105.0}, {})
    verify(served)
    with closing(sqlite3.connect(str(served.engine.url.database))) as consumer:
        (latest,) = consumer.execute("SELECT ticker, target_session, upper FROM latest_forecast")
        (outcome,) = consumer.execute("SELECT actual_close, inside FROM forecast_with_outcome")
    assert latest == ("AAA", "2024-01-03", pytest.approx(110.0))
    assert outcome == (105.0, 1)


def verify(store: Store) -> None:
    """Score what has closed, as a run does."""
    last = date(2024, 1, 9)
    with store.writing() as tx:
        pending = tx.outcomes.load_pending("AAA", last)
        tx.outcomes.save(score_issued(pending, tx.prices.load("AAA", last)), NOON)


def outcomes(store: Store) -> list[sa.Row[Any]]:
    verify(store)
    query = sa.select(forecast_with_outcome).order_by(forecast_with_outcome.c.horizon)
    with reading(store.engine) as connection:
        rows = list(connection.execute(query))
    assert {row.as_of for row in rows} == {date(2024, 1, 2)}
    assert len(rows[0]) == len(forecasts.c) + 9
    return rows
