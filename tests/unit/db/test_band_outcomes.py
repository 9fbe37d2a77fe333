"""A forecast has one row of outcome and scores; the view `verifications` shows a row for each band."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from db import RunRecord, Store
from db.engine import reading
from db.migrate import downgrade, upgrade
from db.schema import band_outcomes, forecast_with_outcome, verifications
from forecasting.errors import TableError
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast

MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]
CLOSES = {"2024-01-02": 100.0, "2024-01-03": 105.0, "2024-01-04": 85.0, "2024-01-05": 112.0}
CORRECTED = {**CLOSES, "2024-01-04": 112.5}
DAY, MISSED, LAST = date(2024, 1, 2), date(2024, 1, 4), date(2024, 1, 5)
NOON, LATER = datetime(2024, 1, 9, 12, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
KEY = ["target_session", "method"]


@pytest.fixture
def scores(served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices) -> pd.DataFrame:
    """Scores of live bands of plus or minus 10 %, stored: a hit, a miss below and one above."""
    with served.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(run, [forecast()]))
    save_prices(served, CLOSES, {})
    return verify(served, NOON)


def verify(store: Store, at: datetime) -> pd.DataFrame:
    with store.writing() as tx:
        pending = tx.outcomes.load_pending("AAA", LAST)
        made = score_issued(pending, tx.prices.load("AAA", LAST))
        tx.outcomes.save(made, at)
    return made.rename(columns={"band": "method", "nominal_coverage": "nominal"})


def read(store: Store, table: sa.FromClause) -> pd.DataFrame:
    with reading(store.engine) as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.horizon)).mappings()
        return pd.DataFrame(rows)


def read_bands(store: Store) -> Mapping[tuple[date, str], Mapping[str, Any]]:
    """Return the row of each target session and band in the view."""
    rows = read(store, verifications).to_dict("records")
    return {(row["target_session"], row["method"]): row for row in rows}


def test_the_view_shows_each_score_to_the_last_bit(served: Store, scores: pd.DataFrame) -> None:
    found = read(served, verifications).sort_values(KEY, ignore_index=True)
    names = [name for name in found if name in scores and name != "reports_ahead"]
    expected = scores.sort_values(KEY, ignore_index=True)[names]
    assert set(found) - set(names) == {"source", "reports_ahead", "scored_at"}
    pd.testing.assert_frame_equal(found[names], expected, check_exact=True, check_dtype=False)
    assert len(read(served, band_outcomes)) == 3
    assert sorted(expected["below"] - expected["above"]) == [-1] * 4 + [0] * 4 + [1] * 4


def test_a_score_that_differs_in_its_last_digits_is_the_same(served: Store, scores: pd.DataFrame) -> None:
    """Another release or library rounds in another way; what is corrected is more."""
    before = read(served, verifications)
    offered = scores.rename(columns={"method": "band", "nominal": "nominal_coverage"})
    for factor, is_same in ((1 + 1e-12, True), (1 + 1e-7, False)):
        with served.writing() as tx:
            tx.outcomes.save(offered.assign(crps=factor * offered["crps"]), LATER)
        assert read(served, verifications).equals(before) == is_same


def test_the_outcome_of_a_forecast_is_that_of_its_calibrated_band(
    served: Store, scores: pd.DataFrame
) -> None:
    names = ["actual_close", "actual_log_return", "inside", "below", "above", "crps", "winkler"]
    found = read(served, forecast_with_outcome)
    calibrated = scores[scores["method"] == "calibrated"].sort_values("horizon", ignore_index=True)
    pd.testing.assert_frame_equal(found[names], calibrated[names], check_exact=True, check_dtype=False)


@pytest.mark.usefixtures("scores")
def test_a_corrected_close_changes_the_pruned_comparison_bands_in_nothing(
    served: Store, save_prices: SavePrices
) -> None:
    before = read_bands(served)
    served.prune(LATER, MONTH)
    save_prices(served, CORRECTED, {}, later=MONTH)
    verify(served, LATER)
    after = read_bands(served)
    assert {key for key in before if before[key] != after[key]} == {(MISSED, "calibrated")}
    assert after[MISSED, "calibrated"]["above"] == 1
    with served.reading() as tx:
        closed = tx.outcomes.load_closed(LAST, DAY).set_index("horizon")
        assert len(tx.outcomes.load_pending("AAA", LAST)) == 3  # levels of the calibrated band
    assert closed.loc[2, "actual"] == before[MISSED, "predictive"]["actual_log_return"]
    assert verify(served, LATER + MONTH)["method"].unique() == ["calibrated"]
    assert read_bands(served) == after


@pytest.mark.usefixtures("scores")
def test_a_corrected_close_changes_all_bands_that_have_quantiles(
    served: Store, save_prices: SavePrices
) -> None:
    save_prices(served, CORRECTED, {}, later=MONTH)
    verify(served, LATER)
    bands = read_bands(served)
    assert {bands[MISSED, band]["above"] for _, band in bands} == {1}
    assert {row["scored_at"] for key, row in bands.items() if key[0] == MISSED} == {LATER}
    assert {row["scored_at"] for key, row in bands.items() if key[0] != MISSED} == {NOON}
    assert read(served, band_outcomes)["compared_at"].isna().all()


@pytest.mark.usefixtures("scores")
@pytest.mark.parametrize("is_pruned", [True, False])
def test_every_score_survives_the_long_table_and_back(
    served: Store, save_prices: SavePrices, *, is_pruned: bool
) -> None:
    if is_pruned:
        served.prune(LATER, MONTH)
    save_prices(served, CORRECTED, {}, later=MONTH)
    verify(served, LATER)
    before, bands = read(served, band_outcomes), read_bands(served)
    downgrade(served.engine, "0016")
    assert read_bands(served) == bands
    upgrade(served.engine)
    pd.testing.assert_frame_equal(read(served, band_outcomes), before, check_exact=True)
    assert before["compared_at"].notna().any() == is_pruned


def test_bands_of_one_forecast_have_one_outcome(served: Store, scores: pd.DataFrame) -> None:
    other = scores.rename(columns={"method": "band", "nominal": "nominal_coverage"})
    other.loc[0, "actual_close"] += 1
    with pytest.raises(TableError, match="one outcome a forecast"), served.writing() as tx:
        tx.outcomes.save(other, LATER)
