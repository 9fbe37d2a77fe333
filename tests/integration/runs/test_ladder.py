"""The gate in the flows, and the ladder below it: champion, the one before, the random walk."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flow_runs import complete
from reading_store import connection, rows
from tampered_models import change_manifest

from db import ModelRecord, Store
from flows.context import RunContext
from flows.forecast import forecast
from flows.ingest import ingest
from flows.retrain import retrain
from flows.steps.models import evaluate
from flows.summary import RunSummary
from forecasting.model.artifact import Model
from forecasting.promotion.evaluate import Evaluation

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

FIRST = date(2012, 11, 1)
TICKERS = ["IBM", "MSFT"]


@pytest.fixture
def gated() -> RunSummary:
    """A champion that was let in on FIRST."""
    summary = complete(retrain, tickers=TICKERS, as_of=FIRST)
    complete(ingest, tickers=TICKERS)
    return summary


def bands(as_of: date, policy: str) -> RunSummary:
    return complete(forecast, tickers=TICKERS, as_of=as_of, horizon=2, retrain=policy)


def statuses() -> dict[str, str]:
    """Of the models; the random walk is there where a ticker's bands fell to it."""
    return dict(rows("SELECT version, status FROM model_versions WHERE status <> 'baseline'"))


def qualities(as_of: date) -> list[Any]:
    return rows(f"SELECT DISTINCT quality, model_version FROM forecasts WHERE as_of = '{as_of}'")


def spoil(version: str) -> None:
    """As if another release had stored it."""
    with connection() as opened:
        select = sa.text("SELECT config FROM model_versions WHERE version = :version")
        manifest = json.loads(opened.execute(select, {"version": version}).scalar_one())
        manifest["config"]["network"]["hidden"] = 9
        new = {"config": json.dumps(manifest), "version": version}
        opened.execute(sa.text("UPDATE model_versions SET config = :config WHERE version = :version"), new)


def test_a_refused_candidate_leaves_the_champion_serving(
    gated: RunSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = gated.model_version
    assert str(gated.promotion).startswith("Promoted: no model served")
    later = FIRST + timedelta(days=20)
    monkeypatch.setenv("BANDCAST_MODEL__TRAINING__SEED", "8")  # another network, and no better
    summary = complete(retrain, tickers=TICKERS, as_of=later)
    assert summary.model_version == champion
    assert str(summary.promotion).startswith("Refused")
    assert sorted(statuses().values()) == ["champion", "refused"]
    decisions = rows("SELECT promoted, champion, as_of FROM gate_decisions ORDER BY as_of")
    assert decisions == [(1, None, str(FIRST)), (0, champion, str(later))]
    assert bands(later, "auto").model_version == champion
    again = complete(retrain, tickers=TICKERS, as_of=later)
    assert again.model_version == champion
    assert len(rows("SELECT * FROM gate_decisions")) == 2
    # the refused one has bought the champion another 45 days
    assert bands(FIRST + timedelta(days=60), "auto").model_version == champion
    assert len(statuses()) == 2


def test_age_counts_from_the_gate_and_not_from_the_last_session_trained_on(gated: RunSummary) -> None:
    trained, gate = rows("SELECT trained_through, gated_as_of FROM model_versions")[0]
    assert gate == str(FIRST)
    assert trained < str(FIRST - timedelta(days=40))
    bands(FIRST + timedelta(days=45), "auto")
    assert len(statuses()) == 1
    bands(FIRST + timedelta(days=46), "auto")
    assert len(statuses()) == 2
    ((candidate, champion),) = rows("SELECT candidate, champion FROM gate_decisions WHERE champion <> ''")
    assert champion == gated.model_version
    assert candidate > champion


def add_later(store: Store, version: str) -> str:
    """A champion after a model, which shares its weights; its version."""
    with store.writing() as tx:
        record = tx.models.get(version)
        assert record is not None
        copied = change_manifest(lambda manifest: manifest | {"left_out": {"OLD": "short"}})(record)
        tx.models.add(replace(copied, status="candidate"))
        tx.models.promote(copied.version, date(2012, 11, 5))
    return copied.version


def test_the_ladder_goes_down_to_the_one_before_and_to_the_random_walk(
    gated: RunSummary, store: Store
) -> None:
    later = add_later(store, str(gated.model_version))
    day = date(2012, 11, 9)
    assert bands(day, "never").model_version == later
    assert qualities(day) == [("champion", later)]
    assert bands(date(2012, 11, 2), "never").model_version == gated.model_version  # before the later's gate

    spoil(later)
    assert bands(day, "never").model_version == gated.model_version
    assert qualities(day) == [("previous", gated.model_version)]

    spoil(str(gated.model_version))
    assert bands(day, "never").tickers == tuple(TICKERS)
    assert qualities(day) == [("baseline", "random-walk")]
    bands_stored = rows(
        "SELECT DISTINCT band FROM forecast_quantiles WHERE as_of = '2012-11-09' ORDER BY band"
    )
    assert bands_stored == [("calibrated",), ("predictive",), ("random_walk",)]


def test_where_nothing_can_be_trained_the_random_walk_serves_and_trying_again_is_harmless(
    gated: RunSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection() as opened:
        for table in ("gate_decisions", "model_versions"):
            opened.execute(sa.text(f"DELETE FROM {table}"))
    monkeypatch.setenv("BANDCAST_MODEL__TRAINING__LOOKBACK", "400")
    monkeypatch.setenv("BANDCAST_MODEL__TRAINING__HISTORY_SESSIONS", "300")
    for _ in range(2):
        assert bands(FIRST, "auto").model_version == "random-walk"
    assert statuses() == {}


def test_a_rollback_holds_where_another_run_ends_with_the_same_model_after_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ModelRecord(
        "before", "sample", FIRST - timedelta(days=90), b"none", "{}", {}, "f", datetime.now(UTC)
    )
    made: list[str] = []

    def evaluate_while_another_ends(
        context: RunContext, challenger: Model, champion: ModelRecord | None
    ) -> Evaluation:
        evaluation = evaluate(context, challenger, champion)
        made.append(challenger.version())
        with store.writing() as tx:
            for record in (before, replace(before, version=made[0], trained_through=FIRST)):
                tx.models.add(record)
                tx.models.promote(record.version)
            tx.models.rollback()
        return evaluation

    monkeypatch.setattr("flows.steps.models.evaluate", evaluate_while_another_ends)
    complete(retrain, tickers=TICKERS, as_of=FIRST)
    assert statuses() == {"before": "champion", made[0]: "refused"}
