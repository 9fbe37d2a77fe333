"""The list of models, and rolling back from there."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from db.engine import writing
from db.records import GateRecord, ModelRecord
from db.repositories.models import ModelRepository
from db.repositories.promotions import GateRepository
from flows.context import store
from flows.reporting.models import ListedModel, build_models_sheet, load_models, roll_back
from flows.reporting.tables import print_parts, to_records
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
        models, decisions = ModelRepository(connection), GateRepository(connection)
        for record, decision in ((OLD, DECISION), (new, better)):
            models.add(record)
            models.promote(record.version, decision.as_of)
            decisions.add(decision)
        models.add(replace(OLD, version="elsewhere", source="yahoo"))


def listed(source: str | None = "sample") -> dict[str, ListedModel]:
    return {model.version: model for model in load_models(load_settings(), source)}


@pytest.mark.usefixtures("two_models")
def test_each_model_is_listed_with_its_decision_and_both_scores(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(None)["elsewhere"].source == "yahoo"
    models = listed()
    assert set(models) == {"old", "new"}
    assert (models["new"].status, models["old"].status) == ("champion", "retired")
    assert (models["new"].crps, models["new"].champion, models["new"].champion_crps) == (0.96, "old", 0.97)
    assert models["new"].gated_as_of == date(2024, 2, 1)
    sheet = build_models_sheet(list(models.values()))
    assert to_records(sheet)[0]["trained_through"] == "2023-11-01"
    assert to_records(sheet)[0]["reason"] == "Promoted: better."
    print_parts([sheet])
    printed = capsys.readouterr().out
    assert "0.960" in printed
    assert "old: Promoted: no model served." in printed


@pytest.mark.usefixtures("two_models")
def test_rolling_back_once_is_possible_and_twice_is_not() -> None:
    assert roll_back(load_settings()) == ("old", "new")
    assert {version: model.status for version, model in listed().items()} == {
        "old": "champion",
        "new": "refused",
    }
    with pytest.raises(StoreError, match="none before it"):
        roll_back(load_settings())


def test_an_empty_store_lists_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(None) == {}
    print_parts([build_models_sheet([])])
    assert "Models" in capsys.readouterr().out
