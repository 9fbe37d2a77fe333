"""Calibrated bands keep 23 levels, the others five; scores know five; what earlier releases kept stays."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
import sqlalchemy as sa
from publishing import select

from db import RunRecord, Store
from db.engine import writing
from db.migrate import downgrade, upgrade
from forecasting.config import BAND_LEVELS, CALIBRATED_LEVELS
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast

MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]
DAY, LAST = date(2024, 1, 2), date(2024, 1, 4)
CLOSES = {"2024-01-02": 100.0, "2024-01-03": 105.0, "2024-01-04": 85.0}
LONG = "SELECT * FROM forecast_quantiles ORDER BY ticker, horizon, band, level"
OLDER_LEVEL = """
INSERT INTO forecast_quantiles
    (source, ticker, as_of, target_session, horizon, band, level, log_return, price)
SELECT source, ticker, as_of, target_session, horizon, band, 0.125, log_return, price FROM forecast_quantiles
WHERE level = 0.05 AND horizon = 1
"""


@pytest.fixture
def fine(forecast: MakeForecast) -> Forecast:
    """A forecast of three sessions with bands at five levels, and the calibrated one at 23."""
    five = np.log([0.9, 0.97, 1.01, 1.04, 1.1]) * np.ones((3, 1))
    known, edges = [0.0, *BAND_LEVELS, 1.0], np.log([0.7, 0.9, 0.97, 1.01, 1.04, 1.1, 1.3])
    refined = np.interp(CALIBRATED_LEVELS, known, edges) * np.ones((3, 1))
    made = forecast(levels=BAND_LEVELS)
    return replace(made, log_returns=dict.fromkeys(made.log_returns, five), refined=refined)


def publish(store: Store, run: RunRecord, *issued: Forecast, reissue: bool = False) -> int:
    """Publish as a run does; return how many live forecasts it would have changed."""
    with store.writing() as tx:
        return len(tx.forecasts.publish(tx.forecasts.prepare(run, issued, reissue=reissue)).kept)


def migrate_back_and_forth(store: Store, *statements: str, revision: str = "0015") -> None:
    """Go back to an earlier schema, change rows there, and upgrade."""
    downgrade(store.engine, revision)
    with writing(store.engine) as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    upgrade(store.engine)


def test_the_calibrated_band_has_23_levels_that_agree_with_the_table(
    served: Store, run: RunRecord, fine: Forecast
) -> None:
    publish(served, run, fine)
    with served.reading() as tx:
        found = tx.forecasts.load_quantiles("AAA", DAY)
        latest = tx.forecasts.load_latest().set_index("horizon")
    calibrated = found[found["band"] == "calibrated"].pivot_table(
        index="horizon", columns="level", values=["log_return", "price"]
    )
    assert tuple(calibrated["price"].columns) == CALIBRATED_LEVELS
    assert set(found.loc[found["band"] != "calibrated", "level"]) == set(BAND_LEVELS)
    np.testing.assert_array_equal(calibrated["log_return"], fine.refined)
    for column, level in (("lower", 0.05), ("median", 0.5), ("upper", 0.95)):
        np.testing.assert_array_equal(latest[column], calibrated["price"][level])
    assert set(latest["coverage"]) == {0.9}
    assert (calibrated["price"][0.01] < latest["lower"]).all()


def test_the_same_forecast_again_is_the_same_and_other_tails_are_not(
    served: Store, run: RunRecord, fine: Forecast
) -> None:
    publish(served, run, fine)
    assert fine.refined is not None
    wider = replace(fine, refined=fine.refined * np.where(np.array(CALIBRATED_LEVELS) > 0.95, 1.01, 1.0))
    assert publish(served, replace(run, run_id="r2"), fine) == 0
    with served.reading() as tx:
        assert tx.forecasts.matches(run, fine)
        assert not tx.forecasts.matches(run, wider)


def test_scores_of_every_band_know_the_same_five_levels(
    served: Store, run: RunRecord, fine: Forecast, save_prices: SavePrices
) -> None:
    publish(served, run, fine)
    save_prices(served, CLOSES, {})
    with served.reading() as tx:
        pending = tx.outcomes.load_pending("AAA", LAST)
        scores = score_issued(pending, tx.prices.load("AAA", LAST))
    assert set(pending["level"]) == set(BAND_LEVELS)
    assert set(scores["nominal_coverage"]) == {0.9}
    assert (scores.groupby("target_session")[["crps", "winkler", "pinball_lower"]].nunique() == 1).all(
        axis=None
    )


def test_quantiles_survive_the_long_table_and_back(
    served: Store, run: RunRecord, fine: Forecast, forecast: MakeForecast
) -> None:
    publish(served, run, fine, forecast("BBB"))
    before = select(served, LONG)
    migrate_back_and_forth(served)
    assert select(served, LONG) == before


def test_levels_that_an_earlier_release_had_as_a_setting_stay_readable(
    served: Store, run: RunRecord, fine: Forecast
) -> None:
    publish(served, run, fine)
    migrate_back_and_forth(served, OLDER_LEVEL)
    kept = select(served, "SELECT horizon, band FROM forecast_quantiles WHERE level = 0.125")
    assert sorted(kept) == [(1, band) for band in ("calibrated", "mc_dropout", "predictive", "random_walk")]
    before = select(served, LONG)
    migrate_back_and_forth(served)
    assert select(served, LONG) == before


def test_comparison_bands_at_other_levels_survive_a_table_of_five(
    served: Store, run: RunRecord, fine: Forecast
) -> None:
    publish(served, run, fine)
    change = "UPDATE band_quantiles SET log_return_10 = -0.2, price_10 = 80 WHERE band = 'predictive'"
    migrate_back_and_forth(served, change, revision="0019")
    kept = (
        "SELECT horizon, band, log_return FROM forecast_quantiles WHERE level = 0.1 AND band <> 'calibrated'"
    )
    assert sorted(select(served, kept)) == [(horizon, "predictive", -0.2) for horizon in (1, 2, 3)]
    assert publish(served, replace(run, run_id="r2"), fine) == 0
    before = select(served, LONG)
    migrate_back_and_forth(served, revision="0019")
    assert select(served, LONG) == before


def test_a_forecast_of_an_earlier_release_is_the_same_without_its_tails(
    served: Store, run: RunRecord, fine: Forecast
) -> None:
    publish(served, run, replace(fine, refined=None))
    migrate_back_and_forth(served)
    assert publish(served, replace(run, run_id="r2"), fine) == 0
    narrow = {**fine.log_returns, "calibrated": fine.log_returns["calibrated"] * 0.9}
    assert publish(served, replace(run, run_id="r3"), replace(fine, log_returns=narrow, refined=None)) == 1


def test_an_edition_has_the_23_levels_and_one_of_an_earlier_release_five(
    served: Store, run: RunRecord, fine: Forecast
) -> None:
    publish(served, run, replace(fine, anchor_close=90.0))
    publish(served, replace(run, run_id="r2"), replace(fine, refined=None), reissue=True)
    assert publish(served, replace(run, run_id="r3"), fine, reissue=True) == 0
    publish(served, replace(run, run_id="r4"), replace(fine, anchor_close=95.0), reissue=True)
    counts = "SELECT edition, count(DISTINCT level) FROM edition_quantiles GROUP BY edition ORDER BY edition"
    assert select(served, counts) == [(2, len(BAND_LEVELS)), (3, len(CALIBRATED_LEVELS))]


def test_levels_are_deleted_with_what_they_belong_to(
    served: Store, run: RunRecord, fine: Forecast, save_prices: SavePrices
) -> None:
    publish(served, run, fine)
    migrate_back_and_forth(served, OLDER_LEVEL)
    save_prices(served, CLOSES, {})
    with served.writing() as tx:
        tx.outcomes.save(
            score_issued(tx.outcomes.load_pending("AAA", LAST), tx.prices.load("AAA", LAST)),
            datetime(2024, 1, 9, tzinfo=UTC),
        )
        assert tx.outcomes.forget_comparisons(DAY, LAST) == 2 * 3
    left = select(served, "SELECT DISTINCT band, level FROM forecast_quantiles WHERE horizon = 1")
    assert set(left) == {("calibrated", level) for level in (*CALIBRATED_LEVELS, 0.125)}
