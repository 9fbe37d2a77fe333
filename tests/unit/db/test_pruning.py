"""Pruning takes what has served, and never calibrated bands or scores."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from db import ModelRecord, Pruned, RunRecord, Store, measure_store
from db.engine import reading, writing
from db.revised_closes import COMPARED
from db.schema import forecast_quantiles, forecasts, model_versions, price_revisions
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast

CLOSES = {"2024-01-02": 100.0, "2024-01-03": 105.0, "2024-01-04": 85.0}
LAST, NOON = date(2024, 1, 4), datetime(2024, 1, 9, 12, tzinfo=UTC)
MONTH, LATER = timedelta(days=30), datetime(2024, 3, 1, tzinfo=UTC)
MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def scored(served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices) -> Store:
    """Store with live bands of three sessions, of which the first two are scored."""
    publish(served, run, forecast())
    save_prices(served, CLOSES, {})
    verify(served, NOON)
    return served


def publish(store: Store, run: RunRecord, forecast: Forecast) -> list[object]:
    with store.writing() as tx:
        published = tx.forecasts.publish(tx.forecasts.prepare(run, [forecast]))
    return [*published.kept, *published.replaced]


def verify(store: Store, at: datetime) -> int:
    with store.writing() as tx:
        pending = tx.outcomes.load_pending("AAA", LAST)
        tx.outcomes.save(score_issued(pending, tx.prices.load("AAA", LAST)), at)
    return len(pending)


def count_quantiles(store: Store) -> dict[tuple[str, int], int]:
    """Band and horizon -> number of levels."""
    columns = forecast_quantiles.c
    query = sa.select(columns.band, columns.horizon, sa.func.count()).group_by(columns.band, columns.horizon)
    with reading(store.engine) as connection:
        return {(band, horizon): count for band, horizon, count in connection.execute(query)}


def test_only_scored_comparison_bands_lose_their_quantiles(scored: Store, dump: Dump) -> None:
    before = dump()
    expected = Pruned(quantiles=2 * 3, revisions=0, models=0)
    assert scored.prune(LATER, MONTH, dry_run=True) == expected
    assert dump() == before
    assert scored.prune(LATER, MONTH) == expected
    left = count_quantiles(scored)
    assert {horizon for band, horizon in left if band == "calibrated"} == {1, 2, 3}
    assert {horizon for band, horizon in left if band != "calibrated"} == {3}  # the one without a score
    after = dump()
    assert {name for name in before if before[name] != after[name]} == {"forecast_quantiles"}
    assert scored.prune(LATER, MONTH) == Pruned(0, 0, 0)


def test_what_is_younger_stays(scored: Store) -> None:
    assert scored.prune(NOON, MONTH) == Pruned(0, 0, 0)
    assert scored.prune(datetime(2024, 2, 2, 12, tzinfo=UTC), MONTH).quantiles == 3  # of 3 January


def test_a_run_prunes_its_own_source_from_one_target_session_to_another(scored: Store) -> None:
    with scored.for_source("yahoo").writing() as tx:
        assert tx.outcomes.forget_comparisons(date(2024, 1, 1), LAST) == 0
    with scored.writing() as tx:
        assert tx.outcomes.forget_comparisons(LAST, LAST) == 3
    assert {horizon for band, horizon in count_quantiles(scored) if band == "predictive"} == {1, 3}


def test_the_same_forecast_is_still_the_same_and_another_is_not(
    scored: Store, run: RunRecord, forecast: MakeForecast
) -> None:
    scored.prune(LATER, MONTH)
    with scored.reading() as tx:
        assert tx.forecasts.matches(run, forecast())
        changed = {**forecast().log_returns, "calibrated": forecast().log_returns["calibrated"] * 2}
        assert not tx.forecasts.matches(run, forecast(log_returns=changed))
        unscored = forecast().log_returns["predictive"].copy()
        unscored[2] *= 2
        assert not tx.forecasts.matches(
            run, forecast(log_returns={**forecast().log_returns, "predictive": unscored})
        )
    assert publish(scored, replace(run, run_id="r2"), forecast()) == []


def test_a_corrected_close_scores_the_calibrated_band_again(scored: Store, save_prices: SavePrices) -> None:
    scored.prune(LATER, MONTH)
    save_prices(scored, {**CLOSES, "2024-01-04": 86.0}, {}, later=MONTH)
    assert verify(scored, LATER) == 3  # the levels of one band
    with scored.reading() as tx:
        counts = tx.outcomes.compute_scorecard("horizon").groupby("horizon")["n_outcomes"].sum()
    assert counts.to_dict() == {1: 4, 2: 4}


def test_revisions_stay_that_decide_on_models_or_tell_a_close_of_the_issue(
    scored: Store, save_prices: SavePrices
) -> None:
    save_prices(scored, {**CLOSES, "2024-01-04": 86.0}, {}, later=timedelta(days=1))
    verify(scored, NOON + timedelta(days=2))
    with scored.writing() as tx:
        tx.prices.set_aside("AAA", date(2024, 1, 2), date(2024, 1, 2), reason="forgotten", at=NOON)
    assert scored.prune(LATER, MONTH).revisions == 0
    with reading(scored.engine) as connection:
        found = connection.scalars(sa.select(price_revisions.c.reason).order_by(price_revisions.c.session))
        assert list(found) == ["forgotten", "correction"]


def test_revisions_of_volumes_go(scored: Store, save_prices: SavePrices) -> None:
    save_prices(scored, CLOSES, {}, later=timedelta(days=1), volume=7.0)
    assert verify(scored, NOON + timedelta(days=2)) == 0
    assert scored.prune(LATER, MONTH).revisions == len(CLOSES)
    save_prices(scored, {**CLOSES, "2024-01-04": 86.0}, {}, later=timedelta(days=3), volume=8.0)
    assert scored.prune(LATER, MONTH).revisions == len(CLOSES) - 1


def test_revisions_go_of_closes_that_no_forecast_rests_on(scored: Store, save_prices: SavePrices) -> None:
    """The first of the sessions that units are compared in stays; a ticker without bands keeps none."""
    days = [str(day.date()) for day in pd.bdate_range(end="2024-01-02", periods=COMPARED + 1)]
    save_prices(scored, dict.fromkeys(days, 100.0), {})
    save_prices(scored, dict.fromkeys(days[:2], 101.0), {}, later=timedelta(days=1))
    assert scored.prune(LATER, MONTH).revisions == 1
    with reading(scored.engine) as connection:
        assert list(connection.scalars(sa.select(price_revisions.c.session))) == [date.fromisoformat(days[1])]
    with writing(scored.engine) as connection:
        connection.execute(sa.delete(forecasts))
    assert scored.prune(LATER, MONTH).revisions == 1


def test_weights_go_of_models_that_cannot_serve_and_made_nothing(scored: Store, model: ModelRecord) -> None:
    with scored.writing() as tx:
        for number in range(5):
            version, through = f"n{number}", date(2024, 1, 1 + number)
            tx.models.add(replace(model, version=version, trained_through=through))
            tx.models.promote(version)
        tx.models.add(replace(model, version="refused"))
        tx.models.refuse("refused")
        tx.models.add(replace(model, version="young", created_at=LATER))
        tx.models.refuse("young")
    assert scored.prune(LATER, MONTH).models == 2
    query = sa.select(model_versions.c.version).where(sa.func.length(model_versions.c.weights) == 0)
    with reading(scored.engine) as connection:  # m1 is older, but has made bands
        assert set(connection.scalars(query)) == {"n0", "refused"}


def test_the_size_of_a_store_is_that_of_its_tables(scored: Store, migrated_url: str) -> None:
    size = measure_store(migrated_url)
    assert size is not None
    assert 0 <= sum(size.tables.values()) <= size.total
    assert list(size.tables.values()) == sorted(size.tables.values(), reverse=True)
    assert {"forecasts", "calibrated_quantiles", "band_outcomes"} <= set(size.tables)
    assert measure_store("sqlite:////nowhere/none.db") is None
