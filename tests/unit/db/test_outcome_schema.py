"""The migration that brings outcomes, calibrations and the gate keeps what is there, both ways."""

from dataclasses import asdict, replace

import pytest
import sqlalchemy as sa

from db.engine import reading, writing
from db.migrate import downgrade, upgrade
from db.records import CalibrationRecord, GateRecord
from db.repositories.calibrations import CalibrationRepository
from db.repositories.forecasts import ForecastRepository
from db.repositories.models import ModelRepository
from db.repositories.promotions import GateRepository
from db.schema import forecast_runs

COUNTED = ("model_versions", "forecast_runs", "forecasts", "forecast_quantiles")


def counts(engine):
    with reading(engine) as conn:
        return [conn.scalar(sa.text(f"SELECT count(*) FROM {table}")) for table in COUNTED]


def test_what_the_older_schema_can_hold_survives_there_and_back(served, run, forecast):
    with writing(served) as conn:
        version = ModelRepository(conn).add_baseline(run.issued_at)
        ForecastRepository(conn).publish(run, [forecast()])
        lowest = forecast("BBB", quality="baseline")
        ForecastRepository(conn).publish(replace(run, run_id="r2", model_version=version), [lowest])
    assert counts(served) == [2, 2, 6, 72]
    downgrade(served, "0002")
    assert counts(served) == [1, 1, 3, 27]
    upgrade(served)
    assert counts(served) == [1, 1, 3, 27]
    with reading(served) as conn:
        assert set(conn.scalars(sa.select(forecast_runs.c.kind))) == {"live"}
    names = {check["name"] for check in sa.inspect(served).get_check_constraints("forecast_quantiles")}
    assert len(names) == 3
    (index,) = sa.inspect(served).get_indexes("model_versions")
    assert index["unique"]
    with writing(served) as conn:
        again = ForecastRepository(conn).publish(replace(run, run_id="r3"), [forecast()])
    assert again.replaced == ("AAA",)
    assert counts(served) == [1, 2, 3, 36]


@pytest.mark.parametrize("wrong", ["band = 'guess'", "level = 2"])
def test_the_other_checks_are_still_there(served, run, forecast, wrong):
    with writing(served) as conn:
        ForecastRepository(conn).publish(run, [forecast()])
    with pytest.raises(sa.exc.IntegrityError), writing(served) as conn:
        conn.execute(sa.text(f"UPDATE forecast_quantiles SET {wrong} WHERE band = 'random_walk'"))


def test_a_run_refers_to_its_calibration(served, run, forecast):
    state = CalibrationRecord("c1", "sample", run.as_of, "{}", 250, "0.1.0", run.issued_at)
    with writing(served) as conn:
        CalibrationRepository(conn).add(state)
        CalibrationRepository(conn).add(replace(state, outcomes=9))
        ForecastRepository(conn).publish(replace(run, calibration_id="c1", kind="backfill"), [forecast()])
    with reading(served) as conn:
        repository = CalibrationRepository(conn)
        assert repository.get("c1") == repository.newest("sample", run.as_of) == state
        assert repository.newest("yahoo", run.as_of) is None
        assert ForecastRepository(conn).run("r1").kind == "backfill"
    with pytest.raises(sa.exc.IntegrityError), writing(served) as conn:
        ForecastRepository(conn).publish(
            replace(run, run_id="r2", calibration_id="c9"), [forecast(horizon=1)]
        )


def test_decisions_come_back_the_newest_first(served, run):
    first = GateRecord(
        decision_id="d1",
        source="sample",
        as_of=run.as_of,
        candidate="m1",
        champion=None,
        decided_at=run.issued_at,
        promoted=True,
        reason="Nothing served before.",
        candidate_crps=0.97,
        champion_crps=None,
        floor_crps=0.012,
        difference=-0.03,
        lower=-0.05,
        upper=-0.01,
        tolerance=0.005,
        dates=21,
        forecasts=315,
    )
    later = replace(first, decision_id="d2", as_of=run.as_of.replace(day=9), champion="m1", promoted=False)
    with writing(served) as conn:
        for record in (first, later, replace(first, reason="another")):
            GateRepository(conn).add(record)
    with reading(served) as conn:
        assert GateRepository(conn).list("sample") == (later, first)
        assert GateRepository(conn).latest("sample", run.as_of) == first
        assert GateRepository(conn).latest("yahoo", run.as_of) is None
    with pytest.raises(sa.exc.IntegrityError), writing(served) as conn:
        GateRepository(conn).add(GateRecord(**{**asdict(first), "decision_id": "d3", "candidate": "m9"}))
