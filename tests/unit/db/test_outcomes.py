"""Closed bands are scored once, on the basis of the issue date, and again only where prices changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from publishing import publish

from db import RunRecord, Selection, Store
from db.engine import reading, writing
from db.schema import coverage_by_horizon, forecast_runs, pinball_by_level
from forecasting.errors import TableError
from forecasting.evaluation.outcomes import score_issued
from forecasting.forecast import Forecast
from forecasting.prices.history import as_actions
from forecasting.tables import BAND_SCORES, CLOSED_BANDS, ISSUED_BANDS
from forecasting.types import Band, PriceBasis, RunKind, values

CLOSES = {"2024-01-02": 100.0, "2024-01-03": 105.0, "2024-01-04": 85.0, "2024-01-05": 112.0}
WIDE = np.log([0.8, 1.0, 1.2]) * np.ones((3, 1))
NOON = datetime(2024, 1, 9, 12, tzinfo=UTC)
DAY = date(2024, 1, 2)
LAST = date(2024, 1, 5)

MakeForecast = Callable[..., Forecast]
SavePrices = Callable[..., None]
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def issued(served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices) -> Store:
    """Store with bands of plus or minus 10 %, of the random walk 20 %; outcomes +5 %, -15 % and +12 %."""
    publish(served, run, forecast(log_returns={**forecast().log_returns, "random_walk": WIDE}))
    save_prices(served, CLOSES, {})
    return served


def verify(store: Store, until: date = LAST, at: datetime = NOON) -> int:
    """Score as the flow does; return how many target sessions there were."""
    with store.writing() as tx:
        pending = tx.outcomes.load_pending("AAA", until)
        scores = score_issued(pending, tx.prices.load("AAA", until))
        tx.outcomes.save(scores, at)
    return int(scores["target_session"].nunique())


def walk(ticker: str, actual: dict[date, float], as_of: date = DAY) -> pd.DataFrame:
    """Build scores of bands of plus or minus 10 % that were never issued, by target session."""
    rows = [
        {
            "ticker": ticker,
            "as_of": as_of,
            "target_session": target,
            "band": band,
            "kind": "walk_forward",
            "horizon": horizon,
            "quality": "champion",
            "regime": "calm",
            "reports_ahead": 0,
            "nominal_coverage": 0.9,
            "lower": np.log(0.9),
            "median": 0.0,
            "upper": np.log(1.1),
            "actual_log_return": log_return,
            "inside": 1 - (log_return < np.log(0.9)) - (log_return > np.log(1.1)),
            "below": int(log_return < np.log(0.9)),
            "above": int(log_return > np.log(1.1)),
            "crps": abs(log_return),
            "winkler": abs(log_return),
            "pinball_lower": abs(log_return),
            "pinball_upper": abs(log_return),
            "actual_close": np.nan,
        }
        for band in values(Band)
        for horizon, (target, log_return) in enumerate(actual.items(), start=1)
    ]
    return pd.DataFrame(rows)


def test_pending_bands_have_the_price_basis_of_their_run(
    served: Store, run: RunRecord, forecast: MakeForecast
) -> None:
    publish(served, replace(run, price_basis="total_return"), forecast())
    with served.reading() as tx:
        pending = tx.outcomes.load_pending("AAA", LAST)
        none = tx.outcomes.load_pending("ZZZ", LAST)
    assert list(pending.columns) == list(none.columns) == ISSUED_BANDS.names
    assert len(pending) == 3 * 3 * 4
    assert set(pending["price_basis"]) == {"total_return"}
    assert none.empty


def test_each_closed_band_gets_its_scores(issued: Store) -> None:
    assert verify(issued) == 3
    with issued.reading() as tx:
        scorecard = tx.outcomes.compute_scorecard("horizon")
    calibrated = scorecard[scorecard["band"] == "calibrated"].set_index("horizon")
    assert list(calibrated["n_outcomes"]) == [1, 1, 1]
    assert list(calibrated["realized_coverage"]) == [1, 0, 0]
    assert list(calibrated["below"]) == [0, 1, 0]
    assert list(calibrated["above"]) == [0, 0, 1]
    miss = np.log(0.9) - np.log(0.85)
    assert calibrated.loc[2, "winkler"] == pytest.approx(np.log(1.1 / 0.9) + 20 * miss)
    outside = 2 / 3 * (0.95 * miss - 0.5 * np.log(0.85) + 0.05 * (np.log(1.1) - np.log(0.85)))
    assert calibrated.loc[2, "crps"] == pytest.approx(outside)


def test_only_what_has_closed_is_scored_and_nothing_twice(issued: Store, dump: Dump) -> None:
    assert verify(issued, date(2024, 1, 3)) == 1
    assert verify(issued) == 2
    before = dump()
    assert verify(issued, at=NOON + timedelta(days=1)) == 0
    assert dump() == before


def test_a_corrected_close_is_scored_again(issued: Store, save_prices: SavePrices, dump: Dump) -> None:
    verify(issued)
    save_prices(issued, {**CLOSES, "2024-01-04": 85.2}, {})
    assert verify(issued, at=NOON + timedelta(days=1)) == 1
    rows = [row for row in dump()["verifications"] if row[3] == date(2024, 1, 4)]
    assert {row[-2] for row in rows} == {NOON + timedelta(days=1)}
    assert [row[14] for row in rows] == pytest.approx([np.log(0.852)] * 4)
    assert verify(issued, at=NOON + timedelta(days=2)) == 1
    assert {row[-2] for row in dump()["verifications"]} == {NOON, NOON + timedelta(days=1)}


def test_scores_that_are_neither_new_nor_changed_are_not_counted(
    issued: Store, save_prices: SavePrices
) -> None:
    """After a split or a correction, some bands are looked at in every run."""
    assert count_saved(issued, NOON) == 3
    save_prices(issued, {**CLOSES, "2024-01-04": 85.2}, {})
    assert count_saved(issued, NOON + timedelta(days=1)) == 1
    assert verify(issued, at=NOON + timedelta(days=2)) == 1
    assert count_saved(issued, NOON + timedelta(days=2)) == 0
    assert count_saved(issued, NOON + timedelta(days=2), replace=False) == 0


def count_saved(store: Store, at: datetime, *, replace: bool = True) -> int:
    with store.writing() as tx:
        pending = tx.outcomes.load_pending("AAA", LAST)
        scores = score_issued(pending, tx.prices.load("AAA", LAST))
        return tx.outcomes.save(scores, at, replace=replace)


def test_a_corrected_volume_is_no_reason_to_score_again(issued: Store, save_prices: SavePrices) -> None:
    verify(issued)
    save_prices(issued, CLOSES, {}, later=timedelta(days=1), volume=7.0)
    assert verify(issued, at=NOON + timedelta(days=2)) == 0


def test_a_split_between_issue_and_outcome_changes_no_score(
    issued: Store, save_prices: SavePrices, dump: Dump
) -> None:
    verify(issued)
    before = dump()["verifications"]
    with writing(issued.engine) as connection:
        for table in ("band_outcomes", "price_bars"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    traded = dict(zip(CLOSES, (100.0, 26.25, 85 / 6, 112 / 6), strict=True))
    save_prices(issued, traded, {"2024-01-03": 4.0, "2024-01-04": 1.5})
    verify(issued)
    after = dump()["verifications"]
    assert [row[:13] for row in after] == [row[:13] for row in before]
    assert [row[13:-2] for row in after] == [pytest.approx(row[13:-2]) for row in before]
    assert [row[-1] for row in after] == pytest.approx([row[-1] for row in before])


@pytest.mark.parametrize(
    ("basis", "pending"),
    [("total_return", [date(2024, 1, 4), date(2024, 1, 5)]), ("split_adjusted", [])],
)
def test_a_dividend_that_comes_after_the_score_changes_total_returns_alone(
    issued: Store, run: RunRecord, forecast: MakeForecast, basis: PriceBasis, pending: list[date]
) -> None:
    with writing(issued.engine) as connection:
        connection.execute(sa.update(forecast_runs).values(price_basis=basis))
    publish(issued, replace(run, run_id="r3"), forecast("ZZZ"))
    with issued.writing() as tx:  # another ticker's score is older than the dividend
        earlier = walk("ZZZ", {date(2024, 1, 3): 0.0}).assign(kind="live")
        tx.outcomes.save(earlier, NOON - timedelta(hours=1))
    save_dividend(issued, date(2024, 1, 4), 0.5, seen_at=NOON)
    verify(issued)
    assert load_pending(issued) == []
    save_dividend(issued, date(2024, 1, 4), 0.6, seen_at=NOON + timedelta(hours=1))
    assert load_pending(issued) == pending


def load_pending(store: Store) -> list[date]:
    with store.reading() as tx:
        pending = tx.outcomes.load_pending("AAA", LAST)
    return sorted(set(pending["target_session"]))


def save_dividend(store: Store, ex_date: date, amount: float, *, seen_at: datetime) -> None:
    with store.writing() as tx:
        history = tx.prices.load("AAA")
        actions = pd.DataFrame({"split": 1.0, "dividend": amount}, pd.DatetimeIndex([ex_date]))
        tx.prices.save(replace(history, actions=as_actions(actions)), seen_at)


def test_a_replaced_backfill_is_scored_anew(
    served: Store, run: RunRecord, forecast: MakeForecast, save_prices: SavePrices, dump: Dump
) -> None:
    publish(served, replace(run, kind="backfill"), forecast())
    save_prices(served, CLOSES, {})
    verify(served)
    with served.writing() as tx:
        tx.outcomes.save(walk("AAA", {date(2024, 1, 3): 0.5}), NOON)
    publish(served, replace(run, run_id="r2", kind="backfill"), forecast(horizon=1))
    assert {row[5] for row in dump()["verifications"]} == {"walk_forward"}
    verify(served)
    backfilled = {row[4] for row in dump()["verifications"] if row[5] == "backfill"}
    assert backfilled == set(values(Band))


@pytest.mark.parametrize("kind", ["live", "backfill"])
@pytest.mark.parametrize(
    "changes", [{"horizon": 1}, {"anchor_close": 99.0}, {"quality": "baseline"}, {"data_fingerprint": "g"}]
)
def test_no_later_run_touches_a_live_forecast_or_its_scores(
    issued: Store, run: RunRecord, forecast: MakeForecast, dump: Dump, kind: RunKind, changes: dict[str, Any]
) -> None:
    verify(issued)
    before = dump()
    later = replace(run, run_id="r2", kind=kind, code_version="9", settings='{"horizon": 1}')
    with issued.writing() as tx:
        published = tx.forecasts.publish(tx.forecasts.prepare(later, [forecast(**changes)]))
        assert published.kept == (("AAA", DAY),)
    assert verify(issued) == 0
    assert dump() == before


def test_other_sources_are_left_alone(issued: Store) -> None:
    with issued.for_source("yahoo").reading() as tx:
        assert tx.outcomes.list_tickers() == []
        assert tx.outcomes.load_pending("AAA", date(2024, 1, 9)).empty
        assert tx.outcomes.count_by_kind() == {}
        assert tx.outcomes.compute_scorecard("ticker").empty
    with issued.reading() as tx:
        assert tx.outcomes.list_tickers() == ["AAA"]


def test_views_show_coverage_and_pinball(issued: Store) -> None:
    verify(issued)
    with reading(issued.engine) as connection:
        coverage = pd.DataFrame(connection.execute(sa.select(coverage_by_horizon)).mappings())
        levels = pd.DataFrame(connection.execute(sa.select(pinball_by_level)).mappings())
    calibrated = coverage[coverage["band"] == "calibrated"].set_index("horizon")
    assert list(calibrated["realized_coverage"]) == [1, 0, 0]
    assert list(calibrated["nominal_coverage"]) == [0.9] * 3
    assert (calibrated["crps_to_random_walk"] < 1).iloc[0]
    random_walk = coverage[coverage["band"] == "random_walk"]
    assert list(random_walk["crps_to_random_walk"]) == [1, 1, 1]
    second = levels[(levels["band"] == "calibrated") & (levels["horizon"] == 2)].set_index("level")
    assert second.loc[0.05, "pinball"] == pytest.approx(0.95 * (np.log(0.9) - np.log(0.85)))
    assert list(second["at_or_below"]) == [1, 1, 1]
    assert calibrated.loc[2, "crps"] == pytest.approx(2 * second["pinball"].mean())


def test_scores_of_another_schema_are_refused(store: Store, dump: Dump) -> None:
    before = dump()
    for wrong in (walk("AAA", {LAST: 0.1}).drop(columns="crps"), pd.concat([walk("AAA", {LAST: 0.1})] * 2)):
        with pytest.raises(TableError, match="Expected band scores with"), store.writing() as tx:
            tx.outcomes.save(wrong, NOON)
    assert dump() == before


def test_no_scores_are_no_rows(store: Store, dump: Dump) -> None:
    before = dump()
    with store.writing() as tx:
        tx.outcomes.save(BAND_SCORES.empty(), NOON)
    assert dump() == before


def test_stored_scores_stay_where_they_are_not_to_be_replaced(store: Store) -> None:
    for log_return in (0.1, 0.2):
        with store.writing() as tx:
            tx.outcomes.save(walk("AAA", {LAST: log_return}), NOON, replace=False)
            assert list(tx.outcomes.load_closed(LAST, DAY)["actual"]) == [0.1]


def test_calibration_reads_issued_bands_before_walked_ones_and_nothing_later(issued: Store) -> None:
    verify(issued)
    earlier = walk("AAA", {DAY: -0.01}, as_of=date(2023, 12, 29))
    with issued.writing() as tx:
        tx.outcomes.save(pd.concat([walk("AAA", {date(2024, 1, 3): 0.5}), earlier]), NOON, replace=False)
        closed = tx.outcomes.load_closed(date(2024, 1, 4), date(2023, 1, 1))
        assert tx.outcomes.count_by_kind() == {"live": 3, "walk_forward": 2}
    assert list(closed["kind"]) == ["walk_forward", "live", "live"]
    assert list(closed["actual"]) == pytest.approx([-0.01, np.log(1.05), np.log(0.85)])
    assert set(closed["regime"]) == {"calm"}
    assert list(closed["calibrated_upper"]) == pytest.approx([np.log(1.1)] * 3)


@pytest.mark.parametrize("value", ["predictive_upper = 'high'", "as_of = '2024-01-3x'", "horizon = 'far'"])
def test_closed_bands_that_cannot_be_read_are_refused(issued: Store, value: str) -> None:
    verify(issued)
    if issued.engine.dialect.name != "sqlite":
        return  # PostgreSQL lets no such value in
    with issued.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE band_outcomes SET {value} WHERE horizon = 1")
    with issued.reading() as tx, pytest.raises(TableError, match="closed bands with readable values"):
        tx.outcomes.load_closed(LAST, DAY)


def test_closed_bands_of_many_tickers_lie_in_one_narrow_table(issued: Store) -> None:
    verify(issued)
    walked = [walk(ticker, {date(2024, 1, 3): 0.1, date(2024, 1, 4): 0.2}) for ticker in ("BBB", "ABB")]
    too_old = walk("GONE", {date(2022, 1, 4): 0.1}, as_of=date(2022, 1, 3))
    with issued.writing() as tx:
        tx.outcomes.save(pd.concat([*walked, too_old]), NOON)
        every = tx.outcomes.load_closed(date(2024, 1, 4), date(2023, 1, 1))
        second = tx.outcomes.load_closed(date(2024, 1, 4), date(2023, 1, 1), horizons=(2,))
        wider = tx.outcomes.load_closed(date(2024, 1, 4), date(2023, 1, 1), 0.8)
        none = tx.for_source("yahoo").outcomes.load_closed(date(2024, 1, 4), date(2023, 1, 1))
        cards = tx.outcomes.compute_scorecard("horizon", Selection(kinds=("walk_forward",), horizons=(2,)))
        of_ticker = tx.outcomes.compute_scorecard(
            "ticker", Selection(tickers=["BBB"], kinds=("walk_forward",))
        )
    assert list(every["ticker"]) == ["AAA", "AAA", "ABB", "ABB", "BBB", "BBB"]
    assert list(every["horizon"]) == [1, 2] * 3
    assert list(second["actual"]) == pytest.approx([np.log(0.85), 0.2, 0.2])
    assert {str(every[name].dtype) for name in ("ticker", "kind", "regime")} == {"category"}
    numbers = [name for name, kind in CLOSED_BANDS.columns.items() if kind == "number"]
    assert {str(every[name].dtype) for name in numbers} == {"float64"}
    assert str(every["horizon"].dtype) == "int8"
    assert wider.empty
    assert none.empty
    assert list(every.columns) == list(none.columns) == [*CLOSED_BANDS.names, "kind"]
    assert set(cards["horizon"]) == {2}
    assert set(of_ticker["ticker"]) == {"BBB"}
