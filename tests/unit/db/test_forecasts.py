"""Publishing is idempotent, whole and atomic."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
import sqlalchemy as sa

from db.engine import reading, writing
from db.records import Quarantine
from db.repositories.forecasts import ForecastRepository, PublishReport
from db.schema import forecasts
from forecasting.errors import StoreError

LATER = datetime(2024, 1, 3, 5, tzinfo=UTC)


@pytest.fixture
def again(run):
    return replace(run, run_id="r2", issued_at=LATER, flow_run_id="prefect")


@pytest.fixture
def runs(run, again):
    return run, again


def test_rows_say_what_the_forecast_says(served, run, forecast, dump):
    assert publish(served, run, [forecast(horizon=2)]) == PublishReport(new=("AAA",))
    first, second = dump()["forecasts"]
    assert first[:4] == ("AAA", date(2024, 1, 2), date(2024, 1, 3), 1)
    assert second[:4] == ("AAA", date(2024, 1, 2), date(2024, 1, 4), 2)
    assert first[4:9] == pytest.approx((100.0, 90.0, 100.0, 110.0, 0.9))
    assert first[9:] == ("champion", "m1", run.issued_at, "r1", 1e-4, 2e-4, 250, "calm")
    assert len(dump()["forecast_quantiles"]) == 2 * 3 * 4
    with reading(served) as conn:
        assert ForecastRepository(conn).run("r1") == run
        assert ForecastRepository(conn).run("r9") is None


def test_levels_read_as_people_write_them(served, run, forecast):
    publish(served, run, [forecast(levels=(0.1 + 0.2 - 0.25, 0.5, 1 - 0.05))])
    with reading(served) as conn:
        bands = ForecastRepository(conn).bands("AAA", date(2024, 1, 2))
    assert sorted(bands["level"].unique()) == [0.05, 0.5, 0.95]


def test_the_same_values_again_change_nothing(served, run, again, forecast, dump):
    published = [forecast("AAA"), forecast("BBB", model_variance=np.full(3, np.nan))]
    publish(served, run, published)
    before = dump()
    for rerun in (run, again):
        assert publish(served, rerun, published) == PublishReport(unchanged=("AAA", "BBB"))
        assert dump() == before


@pytest.mark.parametrize("changes", [{"horizon": 1}, {"anchor_close": 100.5}, {"quality": "baseline"}])
def test_other_values_replace_the_whole_ticker(served, runs, forecast, dump, changes):
    run, again = runs
    publish(served, run, [forecast("AAA"), forecast("BBB")])
    changed = forecast("AAA", **changes)
    report = publish(served, again, [changed, forecast("BBB")])
    assert report == PublishReport(replaced=("AAA",), unchanged=("BBB",))
    run_ids = [row[12] for row in dump()["forecasts"]]
    assert run_ids == ["r2"] * changed.horizon + ["r1"] * 3
    assert len(dump()["forecast_quantiles"]) == (changed.horizon + 3) * 12


def test_a_changed_inner_quantile_counts_too(served, run, again, forecast):
    publish(served, run, [forecast()])
    bands = {**forecast().log_returns, "predictive": np.log([0.8, 1.0, 1.2]) * np.ones((3, 1))}
    assert publish(served, again, [forecast(log_returns=bands)]).replaced == ("AAA",)


def test_without_replace_what_is_there_stays(served, run, again, forecast, dump):
    publish(served, run, [forecast()])
    before = dump()
    assert publish(served, again, [forecast(horizon=1)], replace=False) == PublishReport(kept=("AAA",))
    assert dump() == before


def test_a_run_that_left_every_ticker_out_is_recorded(served, run, dump):
    assert publish(served, run, []) == PublishReport()
    assert [row[0] for row in dump()["forecast_runs"]] == ["r1"]


@pytest.mark.parametrize("bad", [np.inf, np.nan, -np.inf])
def test_one_bad_forecast_leaves_nothing(served, run, forecast, dump, bad):
    before = dump()
    broken = dict.fromkeys(forecast().log_returns, np.full((3, 3), bad))
    with pytest.raises((StoreError, sa.exc.IntegrityError)):
        publish(served, run, [forecast("AAA"), forecast("BBB", log_returns=broken)])
    assert dump() == before


def test_numpy_integers_land_as_integers(served, run, forecast):
    publish(served, replace(run, seed=np.int64(7)), [forecast()])
    typeof = "typeof" if served.dialect.name == "sqlite" else "pg_typeof"
    with reading(served) as conn:
        found = conn.execute(sa.text(f"SELECT seed, {typeof}(seed) FROM forecast_runs")).one()
    assert tuple(found) == (7, "integer" if served.dialect.name == "sqlite" else "bigint")


def test_an_unknown_model_is_refused(served, run, forecast):
    with pytest.raises(sa.exc.IntegrityError):
        publish(served, replace(run, model_version="m9"), [forecast()])


def test_crossed_bounds_are_refused(served, run, forecast):
    crossed = dict.fromkeys(forecast().log_returns, np.log([1.1, 1.0, 0.9]) * np.ones((3, 1)))
    with pytest.raises(sa.exc.IntegrityError):
        publish(served, run, [forecast(log_returns=crossed)])


def test_a_reader_never_sees_half_a_run(served, run, again, forecast):
    publish(served, run, [forecast()])
    with writing(served) as writer:
        ForecastRepository(writer).publish(again, [forecast(horizon=1), forecast("BBB")])
        with reading(served) as reader:
            assert set(reader.scalars(sa.select(forecasts.c.run_id))) == {"r1"}
    with reading(served) as reader:
        assert list(reader.scalars(sa.select(forecasts.c.run_id))) == ["r2"] * 4


def test_latest_and_bands_follow_the_newest_as_of(served, run, again, forecast):
    older = forecast(as_of=date(2024, 1, 1), anchor_close=50.0)
    publish(served, run, [older, forecast("BBB")])
    publish(served, again, [forecast(horizon=2)])
    with reading(served) as conn:
        repository = ForecastRepository(conn)
        latest = repository.latest()
        assert list(latest["ticker"]) == ["AAA"] * 2 + ["BBB"] * 3
        assert set(latest["anchor_close"]) == {100.0}
        assert list(repository.latest(["BBB"])["horizon"]) == [1, 2, 3]
        assert repository.latest([]).empty
        assert len(repository.bands("AAA", date(2024, 1, 2))) == 2 * 12
        assert set(repository.bands("AAA", date(2024, 1, 1))["price"].round(6)) == {45.0, 50.0, 55.0}
        assert repository.bands("ZZZ", date(2024, 1, 2)).empty


def test_latest_is_what_the_view_shows_and_can_look_back(served, run, again, forecast):
    publish(served, run, [forecast(as_of=date(2024, 1, 1), anchor_close=50.0), forecast("BBB")])
    publish(served, again, [forecast(horizon=2)])
    with reading(served) as conn:
        repository = ForecastRepository(conn)
        shown = conn.execute(sa.text("SELECT * FROM latest_forecast ORDER BY ticker, horizon"))
        assert list(repository.latest().columns) == list(shown.keys())
        assert list(repository.latest()["lower"]) == [row.lower for row in shown]
        back = repository.latest(until=date(2024, 1, 1))
        assert list(zip(back["ticker"], back["anchor_close"], strict=True)) == [("AAA", 50.0)] * 3
        assert repository.newest(until=date(2024, 1, 1)) == [("AAA", date(2024, 1, 1), "sample")]
        assert repository.newest(["BBB"]) == [("BBB", date(2024, 1, 2), "sample")]
        assert repository.latest(until=date(2023, 12, 31)).empty


def test_quarantine_is_noted_once_and_cleared(served, dump):
    note = Quarantine("sample", "AAA", date(2024, 1, 2), "stale", "AAA: expected a bar", LATER)
    other = replace(note, ticker="BBB")
    with writing(served) as conn:
        ForecastRepository(conn).quarantine([other, note])
    before = dump()
    with writing(served) as conn:
        repository = ForecastRepository(conn)
        repository.quarantine([replace(note, seen_at=datetime(2024, 2, 1, tzinfo=UTC))])
        assert repository.quarantined(note.as_of, "sample") == [note, other]
    assert dump() == before
    with writing(served) as conn:
        repository = ForecastRepository(conn)
        repository.clear("sample", note.as_of, ["AAA", "CCC"])
        assert repository.quarantined(note.as_of, "sample") == [other]
        assert repository.quarantined(note.as_of, "yahoo") == []


def publish(engine, run, new, **options):
    with writing(engine) as conn:
        return ForecastRepository(conn).publish(run, new, **options)
