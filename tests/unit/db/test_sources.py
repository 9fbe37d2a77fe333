"""Each source has bands, quantiles and scores of its own, whatever the others publish."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from publishing import publish, select

from db import RunRecord, Store
from db.migrate import downgrade, upgrade
from db.schema.views import VIEWS
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast

DAY, LAST = date(2024, 1, 2), date(2024, 1, 5)
NOON = datetime(2024, 1, 9, 12, tzinfo=UTC)
CLOSES = {"2024-01-02": 100.0, "2024-01-03": 105.0, "2024-01-04": 85.0, "2024-01-05": 112.0}
BANDS = ("forecasts", "forecast_quantiles", "verifications")

MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def of_yahoo(run: RunRecord) -> RunRecord:
    """Run of another source, an hour later."""
    return replace(
        run, run_id="y1", source="yahoo", kind="backfill", issued_at=run.issued_at + timedelta(hours=1)
    )


@pytest.fixture
def both(served: Store, run: RunRecord, of_yahoo: RunRecord, forecast: MakeForecast) -> Store:
    """Store with bands of `sample`, and of `yahoo` from another close, of the same ticker and session."""
    publish(served, replace(run, kind="backfill"), forecast())
    publish(served.for_source("yahoo"), of_yahoo, forecast(horizon=2, anchor_close=50.0))
    return served


def verify(store: Store) -> None:
    with store.writing() as tx:
        scores = score_issued(tx.outcomes.load_pending("AAA", LAST), tx.prices.load("AAA", LAST))
        tx.outcomes.save(scores, NOON)


def of_sample(rows: Mapping[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    return {table: [row for row in rows[table] if row[0] == "sample"] for table in BANDS}


def test_a_run_of_one_source_leaves_the_bands_and_scores_of_another(
    both: Store, of_yahoo: RunRecord, forecast: MakeForecast, save_prices: SavePrices, dump: Dump
) -> None:
    for source in ("sample", "yahoo"):
        save_prices(both.for_source(source), CLOSES, {})
        verify(both.for_source(source))
    before = of_sample(dump())
    assert [len(rows) for rows in before.values()] == [3, 3 * 3 * 4, 3 * 4]
    publish(both.for_source("yahoo"), replace(of_yahoo, run_id="y2"), forecast(horizon=1, anchor_close=51.0))
    assert of_sample(dump()) == before


def test_each_source_reads_its_own(both: Store, forecast: MakeForecast, run: RunRecord) -> None:
    publish(both, replace(run, run_id="r2"), forecast("BBB"))
    with both.reading() as tx:
        assert set(tx.forecasts.load_latest()["anchor_close"]) == {100.0}
        assert tx.forecasts.list_newest() == [("AAA", DAY), ("BBB", DAY)]
        assert len(tx.forecasts.load_quantiles("AAA", DAY)) == 3 * 3 * 4
        assert tx.forecasts.matches(run, forecast())
        assert tx.forecasts.list_sources() == ("sample", "yahoo")
        other = tx.for_source("yahoo")
        assert set(other.forecasts.load_latest()["anchor_close"]) == {50.0}
        assert other.forecasts.list_newest() == [("AAA", DAY)]
        assert len(other.forecasts.load_quantiles("AAA", DAY)) == 2 * 3 * 4
        assert len(other.outcomes.load_pending("AAA", LAST)) == 2 * 3 * 4
        assert other.forecasts.load_latest(until=date(2024, 1, 1)).empty


def test_every_view_names_the_source(both: Store, save_prices: SavePrices) -> None:
    for source in ("sample", "yahoo"):
        save_prices(both.for_source(source), CLOSES, {})
        verify(both.for_source(source))
    names = [
        view.name for view in VIEWS[:-2]
    ]  # nobody is missing, and the last is the version of the contract
    without_rows = {"path_odds", "all_touches_by_tenth", "all_drawdowns_by_level"}  # no odds were made
    for name in names:
        if f"all_{name}" in names or name in without_rows:  # of live bands alone, and these are backfilled
            continue
        counts = dict(select(both, f"SELECT source, count(*) FROM {name} GROUP BY source"))
        assert set(counts) == {"sample", "yahoo"}
    shown = select(both, "SELECT source, horizon, anchor_close FROM latest_forecast ORDER BY source, horizon")
    assert shown == [("sample", h, 100.0) for h in (1, 2, 3)] + [("yahoo", h, 50.0) for h in (1, 2)]
    counted = select(
        both, "SELECT source, sum(outcomes) FROM all_pinball_by_level GROUP BY source ORDER BY 1"
    )
    assert counted == [("sample", 3 * 3 * 4), ("yahoo", 2 * 3 * 4)]


def test_a_newer_session_of_one_source_leaves_the_newest_of_another(
    both: Store, of_yahoo: RunRecord, forecast: MakeForecast
) -> None:
    later = forecast(as_of=date(2024, 1, 3), target_sessions=(LAST,), horizon=1)
    publish(both.for_source("yahoo"), replace(of_yahoo, run_id="y2", as_of=date(2024, 1, 3)), later)
    found = select(both, "SELECT DISTINCT source, as_of FROM latest_forecast ORDER BY source")
    assert [(source, str(as_of)) for source, as_of in found] == [
        ("sample", "2024-01-02"),
        ("yahoo", "2024-01-03"),
    ]


def test_the_schema_without_the_source_keeps_the_bands_issued_last(
    both: Store, run: RunRecord, forecast: MakeForecast, dump: Dump
) -> None:
    publish(both, replace(run, run_id="r2"), forecast("BBB"))
    downgrade(both.engine, "0005")
    assert select(both, "SELECT ticker, run_id, count(*) FROM forecasts GROUP BY 1, 2 ORDER BY 1") == [
        ("AAA", "y1", 2),
        ("BBB", "r2", 3),
    ]
    upgrade(both.engine)
    found = dump()
    assert [row[:2] for row in found["forecasts"]] == [("sample", "BBB")] * 3 + [("yahoo", "AAA")] * 2
    assert len(found["forecast_quantiles"]) == (3 + 2) * 3 * 4
