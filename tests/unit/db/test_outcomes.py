"""Closed bands are scored once, on the basis of the issue date, and again only where the truth changed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from db.engine import reading, writing
from db.repositories.closed_bands import NONE_CLOSED
from db.repositories.forecasts import ForecastRepository
from db.repositories.outcomes import VerificationRepository
from db.repositories.prices import PriceRepository
from db.schema import coverage_by_horizon, pinball_by_level
from forecasting.backtesting.walk import Walked
from forecasting.evaluation.outcomes import score_issued, score_walked

CLOSES = {"2024-01-02": 100.0, "2024-01-03": 105.0, "2024-01-04": 85.0, "2024-01-05": 112.0}
WIDE = np.log([0.8, 1.0, 1.2]) * np.ones((3, 1))
NOON = datetime(2024, 1, 9, 12, tzinfo=UTC)


@pytest.fixture
def issued(served, run, forecast, store_prices):
    """Three bands of plus or minus 10 %, the random walk of 20 %; outcomes +5 %, -15 % and +12 %."""
    publish(served, run, forecast(log_returns={**forecast().log_returns, "random_walk": WIDE}))
    store_prices(served, CLOSES, {})
    return served


def test_each_closed_band_gets_its_scores(issued):
    assert verify(issued) == 3
    with reading(issued) as conn:
        found = VerificationRepository(conn, "sample").scorecard("horizon")
    mine = found[found["method"] == "calibrated"].set_index("horizon")
    assert list(mine["inside"]) == [1, 0, 0]
    assert list(mine["below"]) == [0, 1, 0]
    assert list(mine["above"]) == [0, 0, 1]
    miss = np.log(0.9) - np.log(0.85)
    assert mine.loc[2, "winkler"] == pytest.approx(np.log(1.1 / 0.9) + 20 * miss)
    outside = 2 / 3 * (0.95 * miss - 0.5 * np.log(0.85) + 0.05 * (np.log(1.1) - np.log(0.85)))
    assert mine.loc[2, "crps"] == pytest.approx(outside)


def test_only_what_has_closed_is_scored_and_nothing_twice(issued, dump):
    assert verify(issued, date(2024, 1, 3)) == 1
    assert verify(issued) == 2
    before = dump()
    assert verify(issued, at=NOON + timedelta(days=1)) == 0
    assert dump() == before


def test_a_corrected_close_is_scored_again(issued, store_prices, dump):
    verify(issued)
    store_prices(issued, {**CLOSES, "2024-01-04": 85.2}, {})
    assert verify(issued, at=NOON + timedelta(days=1)) == 1
    rows = [row for row in dump()["verifications"] if row[3] == date(2024, 1, 4)]
    assert {row[-1] for row in rows} == {NOON + timedelta(days=1)}
    assert [row[13] for row in rows] == pytest.approx([np.log(0.852)] * 4)
    assert verify(issued, at=NOON + timedelta(days=2)) == 1
    assert {row[-1] for row in dump()["verifications"]} == {NOON, NOON + timedelta(days=1)}


def test_a_split_between_issue_and_outcome_changes_no_score(issued, store_prices, dump):
    verify(issued)
    before = dump()["verifications"]
    with writing(issued) as conn:
        for table in ("verifications", "price_bars"):
            conn.execute(sa.text(f"DELETE FROM {table}"))
    traded = dict(zip(CLOSES, (100.0, 26.25, 85 / 6, 112 / 6), strict=True))
    store_prices(issued, traded, {"2024-01-03": 4.0, "2024-01-04": 1.5})
    verify(issued)
    after = dump()["verifications"]
    assert [row[:13] for row in after] == [row[:13] for row in before]
    assert [row[13:-1] for row in after] == [pytest.approx(row[13:-1]) for row in before]


def test_a_replaced_forecast_is_scored_anew(issued, run, forecast, dump):
    verify(issued)
    publish(issued, replace(run, run_id="r2", kind="backfill"), forecast(horizon=1))
    assert dump()["verifications"] == []
    verify(issued)
    assert {(row[4], row[5]) for row in dump()["verifications"]} == {
        (method, "backfill") for method in ("calibrated", "predictive", "mc_dropout", "random_walk")
    }


def test_other_sources_are_left_alone(issued):
    with reading(issued) as conn:
        other = VerificationRepository(conn, "yahoo")
        assert other.tickers() == []
        assert other.pending("AAA", date(2024, 1, 9)).empty


def test_views_say_coverage_and_pinball(issued):
    verify(issued)
    with reading(issued) as conn:
        coverage = pd.DataFrame(conn.execute(sa.select(coverage_by_horizon)).mappings())
        levels = pd.DataFrame(conn.execute(sa.select(pinball_by_level)).mappings())
    mine = coverage[coverage["method"] == "calibrated"].set_index("horizon")
    assert list(mine["coverage"]) == [1, 0, 0]
    assert list(mine["nominal"]) == [0.9] * 3
    assert (mine["crps_to_random_walk"] < 1).iloc[0]
    walk = coverage[coverage["method"] == "random_walk"]
    assert list(walk["crps_to_random_walk"]) == [1, 1, 1]
    one = levels[(levels["method"] == "calibrated") & (levels["horizon"] == 2)].set_index("level")
    assert one.loc[0.05, "pinball"] == pytest.approx(0.95 * (np.log(0.9) - np.log(0.85)))
    assert list(one["at_or_below"]) == [1, 1, 1]
    assert mine.loc[2, "crps"] == pytest.approx(2 * one["pinball"].mean())


def test_calibration_reads_issued_bands_before_walked_ones_and_nothing_later(issued, forecast):
    verify(issued)
    twice = forecast(horizon=1)
    before = forecast(horizon=1, as_of=date(2023, 12, 29), target_sessions=(date(2024, 1, 2),))
    walked = [Walked(twice, np.array([0.5])), Walked(before, np.array([-0.01]))]
    with writing(issued) as conn:
        repository = VerificationRepository(conn, "sample")
        repository.store(score_walked(walked, date(2024, 1, 4)), NOON, replace=False)
        closed = repository.closed(date(2024, 1, 4), date(2023, 1, 1))
        assert repository.counts() == {"live": 3, "walk_forward": 2}
    assert list(closed["kind"]) == ["walk_forward", "live", "live"]
    assert list(closed["actual"]) == pytest.approx([-0.01, np.log(1.05), np.log(0.85)])
    assert set(closed["regime"]) == {"calm"}
    assert list(closed["calibrated_upper"]) == pytest.approx([np.log(1.1)] * 3)


def test_closed_bands_of_many_tickers_lie_in_one_narrow_table(issued, forecast):
    verify(issued)
    walked = [Walked(forecast(name, horizon=2), np.array([0.1, 0.2])) for name in ("BBB", "ABB")]
    gone = forecast("GONE", horizon=1, as_of=date(2022, 1, 3), target_sessions=(date(2022, 1, 4),))
    walked.append(Walked(gone, np.array([0.1])))  # before all that is asked for
    with writing(issued) as conn:
        repository = VerificationRepository(conn, "sample")
        repository.store(score_walked(walked, date(2024, 1, 4)), NOON)
        every = repository.closed(date(2024, 1, 4), date(2023, 1, 1))
        second = repository.closed(date(2024, 1, 4), date(2023, 1, 1), horizons=(2,))
        none = VerificationRepository(conn, "yahoo").closed(date(2024, 1, 4), date(2023, 1, 1))
        cards = repository.scorecard("horizon", kinds=("walk_forward",), horizons=(2,))
    assert list(every["ticker"]) == ["AAA", "AAA", "ABB", "ABB", "BBB", "BBB"]
    assert list(every["horizon"]) == [1, 2] * 3
    assert list(second["actual"]) == pytest.approx([np.log(0.85), 0.2, 0.2])
    assert {str(every[name].dtype) for name in ("ticker", "kind", "regime")} == {"category"}
    assert {str(dtype) for dtype in every.dtypes.iloc[4:-1]} == {"float64"}
    assert none.empty
    assert list(none.columns) == list(NONE_CLOSED.columns)
    assert set(every.columns) == set(none.columns)
    assert set(cards["horizon"]) == {2}


def publish(engine, run, forecast):
    with writing(engine) as conn:
        ForecastRepository(conn).publish(run, [forecast])


def verify(engine, until=date(2024, 1, 5), at=NOON):
    """Score as the flow does; how many target sessions there were."""
    with writing(engine) as conn:
        repository = VerificationRepository(conn, "sample")
        pending = repository.pending("AAA", until)
        scores = score_issued(pending, PriceRepository(conn, "sample").load("AAA", until))
        repository.store(scores.assign(ticker="AAA"), at)
    return scores["target_session"].nunique()
