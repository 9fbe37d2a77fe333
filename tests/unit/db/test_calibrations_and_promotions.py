"""Calibrations and promotion decisions come back as they went in."""

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
import sqlalchemy as sa
from records import make_promotion

from db import CalibrationRecord, PromotionRecord, RunRecord, Store
from db.engine import reading
from forecasting.forecast import Forecast


@pytest.fixture
def decision(run: RunRecord) -> PromotionRecord:
    return make_promotion(run.as_of, run.issued_at, "m1")


def test_a_run_refers_to_its_calibration(
    served: Store, run: RunRecord, forecast: Callable[..., Forecast]
) -> None:
    state = CalibrationRecord("c1", "sample", run.as_of, "{}", 250, "0.1.0", run.issued_at)
    with served.writing() as tx:
        tx.calibrations.add(state)
        tx.calibrations.add(replace(state, n_outcomes=9))
        tx.forecasts.publish(
            tx.forecasts.prepare(replace(run, calibration_id="c1", kind="backfill"), [forecast()])
        )
    with served.reading() as tx:
        assert tx.calibrations.get("c1") == tx.calibrations.load_newest(run.as_of) == state
        assert tx.calibrations.get("c9") is None
        assert tx.for_source("yahoo").calibrations.load_newest(run.as_of) is None
        stored = tx.forecasts.load_run("r1")
    assert stored is not None
    assert stored.kind == "backfill"
    unknown = replace(run, run_id="r2", calibration_id="c9")
    with pytest.raises(sa.exc.IntegrityError), served.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(unknown, [forecast(horizon=1)]))


def test_the_newest_calibration_rests_on_no_later_outcome(store: Store, run: RunRecord) -> None:
    early = CalibrationRecord("c1", "sample", run.as_of, "{}", 250, "0.1.0", run.issued_at)
    late = replace(early, calibration_id="c2", as_of=run.as_of.replace(day=9))
    with store.writing() as tx:
        for record in (late, early):
            tx.calibrations.add(record)
        assert tx.calibrations.load_newest(late.as_of) == late
        assert tx.calibrations.load_newest(run.as_of.replace(day=8)) == early
        assert tx.calibrations.load_newest(run.as_of.replace(day=1)) is None


def test_decisions_come_back_newest_first(served: Store, decision: PromotionRecord) -> None:
    later = replace(
        decision, decision_id="d2", as_of=decision.as_of.replace(day=9), champion="m1", promoted=False
    )
    with served.writing() as tx:
        for record in (decision, later, replace(decision, reason="another")):
            tx.promotions.add(record)
    with served.reading() as tx:
        assert tx.promotions.list() == (later, decision)
        assert tx.promotions.load_latest(decision.as_of) == decision
        yahoo = tx.for_source("yahoo").promotions
        assert yahoo.load_latest(decision.as_of) is None
        assert yahoo.list() == ()
        assert yahoo.list(all_sources=True) == (later, decision)


def test_a_decision_on_an_unknown_model_is_refused(served: Store, decision: PromotionRecord) -> None:
    with pytest.raises(sa.exc.IntegrityError), served.writing() as tx:
        tx.promotions.add(replace(decision, challenger="m9"))


def test_the_tables_keep_the_names_that_users_know(served: Store, decision: PromotionRecord) -> None:
    with served.writing() as tx:
        tx.promotions.add(decision)
    with reading(served.engine) as connection:
        row = connection.execute(sa.text("SELECT * FROM gate_decisions")).mappings().one()
    renamed = {
        "challenger": "candidate",
        "challenger_crps": "candidate_crps",
        "reference_crps": "floor_crps",
    }
    assert set(row) == {renamed.get(name, name) for name in asdict(decision)}
    assert (row["candidate"], row["candidate_crps"], row["floor_crps"]) == ("m1", 0.98, 0.01)
