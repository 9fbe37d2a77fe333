"""Publishing is idempotent, whole and atomic."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from publishing import publish

from db import RunRecord, Store
from db.engine import reading
from db.schema import forecasts
from forecasting.errors import StoreError
from forecasting.forecast import Forecast, PathOdds

LATER = datetime(2024, 1, 3, 5, tzinfo=UTC)
DAY = date(2024, 1, 2)

MakeForecast = Callable[..., Forecast]
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def late(run: RunRecord) -> RunRecord:
    """Run for a session long past."""
    return replace(run, kind="backfill")


@pytest.fixture
def again(late: RunRecord) -> RunRecord:
    return replace(late, run_id="r2", issued_at=LATER, flow_run_id="prefect")


def run_ids(dump: Dump) -> list[str]:
    return [row[13] for row in dump()["forecasts"]]


def test_rows_hold_what_the_forecast_holds(
    served: Store, run: RunRecord, forecast: MakeForecast, dump: Dump
) -> None:
    publish(served, run, forecast(horizon=2))
    first, second = dump()["forecasts"]
    assert first[:5] == ("sample", "AAA", DAY, date(2024, 1, 3), 1)
    assert second[:5] == ("sample", "AAA", DAY, date(2024, 1, 4), 2)
    assert first[5:10] == pytest.approx((100.0, 90.0, 100.0, 110.0, 0.9))
    assert first[10:] == ("champion", "m1", run.issued_at, "r1", 1e-4, 2e-4, 250, "calm", None)
    assert len(dump()["forecast_quantiles"]) == 2 * 3 * 4
    with served.reading() as tx:
        assert tx.forecasts.load_run("r1") == run
        assert tx.forecasts.load_run("r9") is None
        assert tx.forecasts.load_quality("AAA", DAY, "r1") == "champion"


ODDS = PathOdds(
    within=(5, 10),
    moves=(-0.1, 0.1),
    touch=np.array([[0.1, 0.2], [0.3, 0.4]]),
    levels=(0.5, 0.95),
    drawdown=np.array([[0.02, 0.05], [0.03, 0.08]]),
)


def test_odds_are_stored_with_their_forecast_and_replaced_with_it(
    served: Store, late: RunRecord, again: RunRecord, forecast: MakeForecast, dump: Dump
) -> None:
    first = replace(forecast(horizon=10), odds=ODDS)
    publish(served, late, first, forecast("BBB"))
    with served.reading() as tx:
        odds, none = (tx.forecasts.load_odds(ticker, DAY) for ticker in ("AAA", "BBB"))
        assert tx.forecasts.matches(late, first)
        assert not tx.forecasts.matches(late, replace(first, odds=None))
    assert odds["statistic"].tolist() == ["drawdown"] * 4 + ["touch"] * 4
    assert odds["horizon"].tolist() == [5, 5, 10, 10] * 2
    assert odds["level"].tolist() == [0.5, 0.95] * 2 + [-0.1, 0.1] * 2
    assert odds["value"].tolist() == [0.02, 0.05, 0.03, 0.08, 0.1, 0.2, 0.3, 0.4]
    assert none.empty
    before = dump()
    publish(served, again, first, forecast("BBB"))
    assert dump() == before
    publish(served, again, replace(first, odds=replace(ODDS, touch=ODDS.touch / 2)), forecast("BBB"))
    with served.reading() as tx:
        changed = tx.forecasts.load_odds("AAA", DAY)
    assert changed["value"].tolist() == [0.02, 0.05, 0.03, 0.08, 0.05, 0.1, 0.15, 0.2]
    with served.writing() as tx:
        assert tx.forecasts.list_run_forecasts("r2") == [("AAA", DAY)]
    assert len(dump()["path_odds"]) == 8


def test_reports_ahead_are_kept_by_horizon(served: Store, run: RunRecord, forecast: MakeForecast) -> None:
    publish(served, run, forecast(horizon=3, reports_ahead=(0, 1, 1)), forecast("BBB"))
    with served.reading() as tx:
        found = tx.forecasts.load_latest()
        assert tx.forecasts.matches(run, forecast(horizon=3, reports_ahead=(0, 1, 1)))
        assert not tx.forecasts.matches(run, forecast(horizon=3, reports_ahead=(0, 1, 2)))
    assert list(found.loc[found["ticker"] == "AAA", "reports_ahead"]) == [0, 1, 1]
    assert found.loc[found["ticker"] == "BBB", "reports_ahead"].isna().all()


def test_a_run_keeps_its_price_basis(served: Store, run: RunRecord, forecast: MakeForecast) -> None:
    other = replace(run, price_basis="total_return")
    publish(served, other, forecast())
    with served.reading() as tx:
        assert tx.forecasts.load_run("r1") == other


def test_levels_read_as_people_write_them(served: Store, run: RunRecord, forecast: MakeForecast) -> None:
    publish(served, run, forecast(levels=(0.1 + 0.2 - 0.25, 0.5, 1 - 0.05)))
    with served.reading() as tx:
        quantiles = tx.forecasts.load_quantiles("AAA", DAY)
    assert sorted(quantiles["level"].unique()) == [0.05, 0.5, 0.95]


def test_the_same_values_again_change_nothing(
    served: Store, run: RunRecord, again: RunRecord, forecast: MakeForecast, dump: Dump
) -> None:
    published = [forecast("AAA"), forecast("BBB", model_variance=np.full(3, np.nan))]
    publish(served, run, *published)
    before = dump()
    for rerun in (run, again):
        publish(served, rerun, *published)
        assert dump() == before
    with served.reading() as tx:
        assert tx.forecasts.matches(run, published[1])
        assert not tx.forecasts.matches(run, replace(published[1], regime="stress"))
        assert not tx.forecasts.matches(run, forecast("CCC"))


@pytest.mark.parametrize("changes", [{"horizon": 1}, {"anchor_close": 100.5}, {"quality": "baseline"}])
def test_other_values_replace_the_whole_ticker(
    served: Store,
    late: RunRecord,
    again: RunRecord,
    forecast: MakeForecast,
    dump: Dump,
    changes: dict[str, Any],
) -> None:
    publish(served, late, forecast("AAA"), forecast("BBB"))
    changed = forecast("AAA", **changes)
    publish(served, again, changed, forecast("BBB"))
    assert run_ids(dump) == ["r2"] * changed.horizon + ["r1"] * 3
    assert len(dump()["forecast_quantiles"]) == (changed.horizon + 3) * 12
    with served.reading() as tx:
        assert tx.forecasts.list_run_forecasts("r1") == [("BBB", DAY)]
        assert tx.forecasts.list_run_forecasts("r2") == [("AAA", DAY)]


def test_a_changed_inner_quantile_counts_too(
    served: Store, late: RunRecord, again: RunRecord, forecast: MakeForecast, dump: Dump
) -> None:
    publish(served, late, forecast())
    bands = {**forecast().log_returns, "predictive": np.log([0.8, 1.0, 1.2]) * np.ones((3, 1))}
    publish(served, again, forecast(log_returns=bands))
    assert run_ids(dump) == ["r2"] * 3


def test_a_run_that_left_every_ticker_out_is_recorded(served: Store, run: RunRecord, dump: Dump) -> None:
    publish(served, run)
    assert [row[0] for row in dump()["forecast_runs"]] == ["r1"]


@pytest.mark.parametrize("bad", [np.inf, np.nan, -np.inf])
def test_one_bad_forecast_leaves_nothing(
    served: Store, run: RunRecord, forecast: MakeForecast, dump: Dump, bad: float
) -> None:
    before = dump()
    broken = dict.fromkeys(forecast().log_returns, np.full((3, 3), bad))
    with pytest.raises((StoreError, sa.exc.IntegrityError)):
        publish(served, run, forecast("AAA"), forecast("BBB", log_returns=broken))
    assert dump() == before


def test_numpy_integers_land_as_integers(served: Store, run: RunRecord, forecast: MakeForecast) -> None:
    publish(served, replace(run, seed=np.int64(7)), forecast())  # type: ignore[arg-type]  # the point
    is_sqlite = served.engine.dialect.name == "sqlite"
    typeof = "typeof" if is_sqlite else "pg_typeof"
    with reading(served.engine) as connection:
        found = connection.execute(sa.text(f"SELECT seed, {typeof}(seed) FROM forecast_runs")).one()
    assert tuple(found) == (7, "integer" if is_sqlite else "bigint")


def test_an_unknown_model_is_refused(served: Store, run: RunRecord, forecast: MakeForecast) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        publish(served, replace(run, model_version="m9"), forecast())


def test_crossed_bounds_are_refused(served: Store, run: RunRecord, forecast: MakeForecast) -> None:
    crossed = dict.fromkeys(forecast().log_returns, np.log([1.1, 1.0, 0.9]) * np.ones((3, 1)))
    with pytest.raises(sa.exc.IntegrityError):
        publish(served, run, forecast(log_returns=crossed))


def test_a_reader_never_sees_half_a_run(
    served: Store, late: RunRecord, again: RunRecord, forecast: MakeForecast
) -> None:
    publish(served, late, forecast())
    with served.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(again, [forecast(horizon=1), forecast("BBB")]))
        with reading(served.engine) as reader:
            assert set(reader.scalars(sa.select(forecasts.c.run_id))) == {"r1"}
    with reading(served.engine) as reader:
        assert list(reader.scalars(sa.select(forecasts.c.run_id))) == ["r2"] * 4


def test_latest_and_quantiles_follow_the_newest_as_of(
    served: Store, run: RunRecord, again: RunRecord, forecast: MakeForecast
) -> None:
    older = forecast(as_of=date(2024, 1, 1), anchor_close=50.0)
    publish(served, run, older, forecast("BBB"))
    publish(served, again, forecast(horizon=2))
    with served.reading() as tx:
        latest = tx.forecasts.load_latest()
        assert list(latest["ticker"]) == ["AAA"] * 2 + ["BBB"] * 3
        assert set(latest["anchor_close"]) == {100.0}
        assert list(tx.forecasts.load_latest(["BBB"])["horizon"]) == [1, 2, 3]
        assert tx.forecasts.load_latest([]).empty
        assert len(tx.forecasts.load_quantiles("AAA", DAY)) == 2 * 12
        assert set(tx.forecasts.load_quantiles("AAA", date(2024, 1, 1))["price"].round(6)) == {
            45.0,
            50.0,
            55.0,
        }
        assert tx.forecasts.load_quantiles("ZZZ", DAY).empty


def test_latest_is_what_the_view_shows_and_can_look_back(
    served: Store, run: RunRecord, again: RunRecord, forecast: MakeForecast
) -> None:
    publish(served, run, forecast(as_of=date(2024, 1, 1), anchor_close=50.0), forecast("BBB"))
    publish(served, again, forecast(horizon=2))
    with reading(served.engine) as connection:
        shown = connection.execute(sa.text("SELECT * FROM latest_forecast ORDER BY ticker, horizon"))
        columns, rows = list(shown.keys()), shown.all()
    with served.reading() as tx:
        latest = tx.forecasts.load_latest()
        back = tx.forecasts.load_latest(until=date(2024, 1, 1))
        assert tx.forecasts.list_newest(until=date(2024, 1, 1)) == [("AAA", date(2024, 1, 1))]
        assert tx.forecasts.list_newest(["BBB"]) == [("BBB", DAY)]
        assert tx.forecasts.load_latest(until=date(2023, 12, 31)).empty
    assert list(latest.columns) == columns
    assert list(latest["lower"]) == [row.lower for row in rows]
    assert list(zip(back["ticker"], back["anchor_close"], strict=True)) == [("AAA", 50.0)] * 3


def test_the_work_of_a_publication_is_done_before_its_transaction(
    served: Store, run: RunRecord, forecast: MakeForecast
) -> None:
    statements: list[str] = []
    sa.event.listen(
        served.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )
    counts = []
    for day, tickers in ((3, 1), (4, 40)):
        as_of, target_sessions = date(2024, 1, day), (date(2024, 2, 1),)
        issued = [
            forecast(f"T{number:02d}", 1, as_of=as_of, target_sessions=target_sessions)
            for number in range(tickers)
        ]
        with served.reading() as tx:
            publication = tx.forecasts.prepare(replace(run, run_id=f"r{day}"), issued)
        with served.writing() as tx:
            statements.clear()
            tx.forecasts.publish(publication)
            counts.append(len(statements))
    assert counts[0] == counts[1]


def test_what_another_run_publishes_in_between_is_compared_again(
    served: Store, late: RunRecord, again: RunRecord, forecast: MakeForecast, dump: Dump
) -> None:
    with served.reading() as tx:
        publication = tx.forecasts.prepare(again, [forecast(horizon=1), forecast("BBB")])
    publish(served, late, forecast(), forecast("BBB"))
    with served.writing() as tx:
        tx.forecasts.publish(publication)
    assert run_ids(dump) == ["r2", "r1", "r1", "r1"]


def test_bands_of_the_day_that_come_in_between_are_kept(
    served: Store, run: RunRecord, again: RunRecord, forecast: MakeForecast, dump: Dump
) -> None:
    with served.reading() as tx:
        publication = tx.forecasts.prepare(again, [forecast(anchor_close=99.0)])
    publish(served, run, forecast())
    before = dump()
    with served.writing() as tx:
        tx.forecasts.publish(publication)
    assert dump() == before
