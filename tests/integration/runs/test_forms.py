"""Fields of the forms: what a person types goes into the model and the run, and no further."""

import json
from typing import Any

import pytest
from flow_runs import complete
from reading_store import rows

from flows.forecast import forecast
from flows.retrain import retrain

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")


def load_settings_of_run(run_id: str | None) -> dict[str, Any]:
    ((text,),) = rows(f"SELECT settings FROM forecast_runs WHERE run_id = '{run_id}'")
    settings: dict[str, Any] = json.loads(text)
    return settings


def test_the_fields_of_a_form_reach_the_model_and_the_run() -> None:
    complete(retrain, tickers=["IBM"], train_tickers=["ibm, MSFT"], seed=8, epochs=1)
    ((text,),) = rows("SELECT config FROM model_versions WHERE status = 'champion'")
    manifest = json.loads(text)
    training = manifest["config"]["training"]
    assert (training["seed"], training["max_epochs"], training["history_sessions"]) == (8, 1, 300)
    assert sorted(manifest["reference"]) == ["IBM", "MSFT"]

    summary = complete(forecast, tickers=["IBM, MSFT"], horizon=2, dropout_runs=3, seed=11)
    assert summary.tickers == ("IBM", "MSFT")
    simulation = load_settings_of_run(summary.run_id)
    assert (simulation["dropout_runs"], simulation["seed"], simulation["noise_paths"]) == (3, 11, 3)
