"""The list of models, and rolling back from there."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from db import ModelRecord, PromotionRecord, Store
from flows.cli import app
from flows.reporting.models import ListedModel, build_models_sheet, load_models
from flows.reporting.tables import print_parts, to_records
from forecasting.errors import StoreError

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
OLD = ModelRecord("old", "sample", date(2023, 9, 1), b"", "{}", {}, "f", NOON)
DECISION = PromotionRecord(
    decision_id="d1",
    source="sample",
    as_of=date(2023, 12, 1),
    challenger="old",
    champion=None,
    decided_at=NOON,
    promoted=True,
    reason="Promoted: no model served.",
    challenger_crps=0.98,
    champion_crps=None,
    reference_crps=0.01,
    difference=-0.02,
    lower=-0.03,
    upper=-0.01,
    tolerance=0.005,
    dates=20,
    forecasts=100,
)


@pytest.fixture
def two_models(store: Store) -> Store:
    """A champion, and the one that it has replaced."""
    new = replace(OLD, version="new", trained_through=date(2023, 11, 1))
    better = replace(
        DECISION,
        decision_id="d2",
        as_of=date(2024, 2, 1),
        challenger="new",
        champion="old",
        reason="Promoted: better.",
        challenger_crps=0.96,
        champion_crps=0.97,
    )
    with store.writing() as tx:
        for record, decision in ((OLD, DECISION), (new, better)):
            tx.models.add(record)
            tx.models.promote(record.version, decision.as_of)
            tx.promotions.add(decision)
        tx.models.add(replace(OLD, version="elsewhere", source="yahoo"))
    return store


def listed(store: Store, *, all_sources: bool = False) -> dict[str, ListedModel]:
    return {model.version: model for model in load_models(store, all_sources=all_sources)}


def test_each_model_is_listed_with_its_decision_and_both_scores(
    two_models: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(two_models, all_sources=True)["elsewhere"].source == "yahoo"
    models = listed(two_models)
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


def test_rolling_back_once_is_possible_and_twice_is_not(two_models: Store) -> None:
    first, second = (CliRunner().invoke(app, ["models", "rollback"]) for _ in range(2))
    assert first.output == "Model old serves; new was taken back.\n"
    assert {version: model.status for version, model in listed(two_models).items()} == {
        "old": "champion",
        "new": "refused",
    }
    assert isinstance(second.exception, StoreError)
    assert "none before it" in str(second.exception)


def test_an_empty_store_lists_nothing(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(store, all_sources=True) == {}
    print_parts([build_models_sheet([])])
    assert "Models" in capsys.readouterr().out
