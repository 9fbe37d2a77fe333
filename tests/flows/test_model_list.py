"""What `bandcast models` shows of the store, and rolling back from there."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from db.engine import writing
from db.records import GateRecord, ModelRecord
from db.repositories.models import ModelRepository
from db.repositories.promotions import GateRepository
from flows.context import store
from flows.reporting.model_list import listed_models, models_json, print_models, roll_back
from flows.settings import load_settings
from forecasting.errors import StoreError

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
OLD = ModelRecord("old", "sample", date(2023, 9, 1), b"", "{}", {}, "f", NOON)
DECISION = GateRecord(
    decision_id="d1",
    source="sample",
    as_of=date(2023, 12, 1),
    candidate="old",
    champion=None,
    decided_at=NOON,
    promoted=True,
    reason="Promoted: no model served.",
    candidate_crps=0.98,
    champion_crps=None,
    floor_crps=0.01,
    difference=-0.02,
    lower=-0.03,
    upper=-0.01,
    tolerance=0.005,
    dates=20,
    forecasts=100,
)


@pytest.fixture
def two_models() -> None:
    """A champion, and the one that it has replaced."""
    new = replace(OLD, version="new", trained_through=date(2023, 11, 1))
    better = replace(
        DECISION,
        decision_id="d2",
        as_of=date(2024, 2, 1),
        candidate="new",
        champion="old",
        reason="Promoted: better.",
        candidate_crps=0.96,
        champion_crps=0.97,
    )
    with writing(store(load_settings().url)) as connection:
        models, gate = ModelRepository(connection), GateRepository(connection)
        for record, decision in ((OLD, DECISION), (new, better)):
            models.add(record)
            models.promote(record.version, decision.as_of)
            gate.add(decision)
        models.add(replace(OLD, version="elsewhere", source="yahoo"))


def test_each_model_is_listed_with_the_gate_and_both_scores(
    two_models: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {one.version: one.source for one in listed_models(load_settings())}["elsewhere"] == "yahoo"
    found = {one.version: one for one in listed_models(load_settings(), "sample")}
    assert set(found) == {"old", "new"}
    assert (found["new"].status, found["old"].status) == ("champion", "retired")
    assert (found["new"].crps, found["new"].champion, found["new"].champion_crps) == (0.96, "old", 0.97)
    assert found["new"].gated_as_of == date(2024, 2, 1)
    assert json.loads(models_json(list(found.values())))[0]["trained_through"] == "2023-11-01"
    print_models(list(found.values()))
    told = capsys.readouterr().out
    assert "0.960" in told
    assert "old: Promoted: no model served." in told


def test_rolling_back_once_is_possible_and_twice_is_not(two_models: None) -> None:
    assert roll_back(load_settings()) == ("old", "new")
    found = {one.version: one.status for one in listed_models(load_settings(), "sample")}
    assert found == {"old": "champion", "new": "refused"}
    with pytest.raises(StoreError, match="none before it"):
        roll_back(load_settings())


def test_an_empty_store_lists_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed_models(load_settings()) == []
    print_models([])
    assert "Models" in capsys.readouterr().out
