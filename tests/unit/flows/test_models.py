"""The list of models, and rolling back from there."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from records import make_promotion
from typer.testing import CliRunner

from db import ModelRecord, Store
from flows.cli import app
from flows.presentation.models import load_models_sheet
from flows.presentation.tables import print_parts, to_records
from forecasting.errors import StoreError

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
OLD = ModelRecord("old", "sample", date(2023, 9, 1), b"none", "{}", {}, "f", NOON)
DECISION = make_promotion(date(2023, 12, 1), NOON, "old")


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


def listed(store: Store, *, all_sources: bool = False) -> dict[str, dict[str, Any]]:
    rows = to_records(load_models_sheet(store, all_sources=all_sources))
    return {row["version"]: row for row in rows}


def test_each_model_is_listed_with_its_decision_and_both_scores(
    two_models: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    everywhere = listed(two_models, all_sources=True)
    assert everywhere["elsewhere"]["source"] == "yahoo"
    assert everywhere["elsewhere"]["crps"] is None
    models = listed(two_models)
    assert list(models) == ["new", "old"]
    assert (models["new"]["status"], models["old"]["status"]) == ("champion", "retired")
    assert {name: models["new"][name] for name in ("crps", "champion", "champion_crps")} == {
        "crps": 0.96,
        "champion": "old",
        "champion_crps": 0.97,
    }
    assert (models["new"]["trained_through"], models["new"]["gated_as_of"]) == ("2023-11-01", "2024-02-01")
    assert models["new"]["reason"] == "Promoted: better."
    print_parts([load_models_sheet(two_models, all_sources=False)])
    printed = capsys.readouterr().out
    assert "0.960" in printed
    assert "old: Promoted: no model served." in printed


def test_the_random_walk_was_trained_through_no_session(two_models: Store) -> None:
    with two_models.writing() as tx:
        version = tx.models.add_baseline(datetime(2024, 2, 1, tzinfo=UTC))
    assert listed(two_models, all_sources=True)[version]["trained_through"] is None


def test_rolling_back_once_is_possible_and_twice_is_not(two_models: Store) -> None:
    first, second = (CliRunner().invoke(app, ["models", "rollback"]) for _ in range(2))
    assert first.output == "Model old serves; new was taken back.\n"
    assert {version: model["status"] for version, model in listed(two_models).items()} == {
        "old": "champion",
        "new": "refused",
    }
    assert isinstance(second.exception, StoreError)
    assert "none before it" in str(second.exception)


def test_an_empty_store_lists_nothing(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(store, all_sources=True) == {}
    print_parts([load_models_sheet(store, all_sources=True)])
    assert "Models" in capsys.readouterr().out
