"""The files in deployments/: what they name exists, and nothing in them needs more than they say."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow

from flows.schedules import STANDARD

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
DEPLOYMENTS = yaml.safe_load((FOLDER / "prefect.yaml").read_text())


@pytest.mark.parametrize("deployment", DEPLOYMENTS["deployments"], ids=lambda one: str(one["entrypoint"]))
def test_every_deployment_names_a_flow_and_its_parameters(deployment: dict[str, Any]) -> None:
    module, _, name = deployment["entrypoint"].rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    assert isinstance(flow, Flow)
    assert set(deployment.get("parameters", {})) <= set(flow.parameters.properties)
    assert deployment["concurrency_limit"]["collision_strategy"] == "ENQUEUE"


def test_deployments_pull_nothing_and_daily_runs_after_the_close_and_in_the_morning() -> None:
    assert DEPLOYMENTS["pull"] == []
    named = {f"{one['entrypoint'].split('.')[-1]}/{one['name']}": one for one in DEPLOYMENTS["deployments"]}
    assert set(named) == {
        "daily/after-close",
        "retrain/weekly",
        "backfill/on-demand",
        "verify/on-demand",
        "ingest/on-demand",
        "forecast/on-demand",
        "rollback/on-demand",
        "doctor/evening",
    }
    schedules = named["daily/after-close"]["schedules"]
    assert [one["cron"] for one in schedules] == [STANDARD.cron, "0 8 * * 2-6"]
    assert [one["cron"] for one in named["doctor/evening"]["schedules"]] == [STANDARD.check_cron]
    zones = {one["timezone"] for each in named.values() for one in each.get("schedules", [])}
    assert zones == {STANDARD.timezone}


def test_the_package_holds_the_files_that_serve_deploys() -> None:
    for name in ("prefect.yaml", "work-pool.json", "alarms.yaml", "zombies.yaml"):
        assert (ROOT / "flows" / name).read_text() == (FOLDER / name).read_text()


@pytest.mark.parametrize("name", ["zombies.yaml", "alarms.yaml", "automations.yaml"])
def test_prefect_accepts_the_automations(name: str) -> None:
    from prefect.events.schemas.automations import AutomationCore

    for described in yaml.safe_load_all((FOLDER / name).read_text()):
        for automation in described.get("automations", [described]):
            assert AutomationCore.model_validate(automation).name.startswith("bandcast-")
