"""Deployments on a real Prefect server, run by a real worker."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.events import EventTrigger
from prefect_database import place_database
from reading_store import rows
from served import AFTER_CLOSE, AUTH_STRING, BACKFILL, Served, eventually, free_port, runs

from db import upgrade_store
from flows.prefect_runtime.events import PUBLISHED
from flows.prefect_runtime.server_process import SERVER_LOG
from flows.server_access import AUTH_VARIABLE, read_auth_string, read_server_url

REQUIRED = ("start", "end", "champion", "again")


def test_the_schedule_makes_runs_and_a_triggered_run_fills_the_table(served: Served) -> None:
    scheduled = eventually(lambda: [run for run in runs() if run.auto_scheduled] or None, "a scheduled run")
    assert {"after-close", "weekly", "evening"} >= {name_deployment(run) for run in scheduled}
    run = served.run(AFTER_CLOSE, horizon=3)
    bands = rows("SELECT ticker, count(*) FROM latest_forecast GROUP BY ticker", served.url)
    assert bands == [("AAPL", 3), ("IBM", 3)]
    assert rows("SELECT flow_run_id FROM forecast_runs", served.url) == [(str(run.id),)]
    payload = eventually(lambda: find_published(run) or None, "the event of the published bands")
    assert payload["tickers"] == ["AAPL", "IBM"]
    assert run.state is not None
    assert str(run.state.message).startswith(f"{payload['as_of']}: bands of 2 tickers, ")
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        artifacts = client.read_artifacts(artifact_filter=of_run)
    kinds = Counter(str(artifact.key).partition("-")[0] for artifact in artifacts)
    assert kinds == {"bands": 1, "calibration": 1, "gate": 1, "summary": 1, "fan": 1}


def test_a_second_daily_run_waits_for_the_first(served: Served) -> None:
    with get_client(sync_client=True) as client:
        daily = client.read_deployment_by_name(AFTER_CLOSE)
    assert daily.global_concurrency_limit is not None
    assert daily.global_concurrency_limit.limit == 1
    assert daily.concurrency_options is not None
    assert daily.concurrency_options.collision_strategy == "ENQUEUE"


@pytest.mark.parametrize(
    "bad",
    [
        {"horizon": 31},
        {"horizon": 0},
        {"tickers": ["A B"]},
        {"tickers": "AAPL"},
        {"source": "bloomberg"},
        {"as_of": "yesterday"},
        {"as_of": "2013-13-01"},
        {"catch_up": "perhaps"},
        {"look_back": 61},
        {"paths": -1},
        {"dropout_runs": 1},
        {"seed": -1},
        {"success_ratio": 1.5},
        {"train_tickers": ["A B"]},
        {"force": "maybe"},
    ],
    ids=str,
)
def test_the_api_refuses_a_bad_value_before_a_run_exists(served: Served, bad: dict[str, Any]) -> None:
    before = len(runs())
    with pytest.raises(Exception, match=f"Validation failed for field '{next(iter(bad))}"):
        served.start(AFTER_CLOSE, **bad)
    assert len(runs()) == before


def test_a_backfill_without_its_range_is_refused_too(served: Served) -> None:
    with pytest.raises(Exception, match="'end' is a required property"):
        served.start(BACKFILL, start="2013-02-20")


def test_the_form_has_literal_defaults_and_every_field_is_described(served: Served) -> None:
    with get_client(sync_client=True) as client:
        deployments = client.read_deployments()
    for deployment in deployments:
        assert deployment.parameter_openapi_schema is not None
        for name, field in deployment.parameter_openapi_schema["properties"].items():
            assert field.get("description"), f"{deployment.name}: {name}"
            assert "$ref" not in str(field)
            assert name != "csv_dir" or "on the worker" in field["description"]
            assert "default" in field or name in REQUIRED, f"{deployment.name}: {name}"
    assert len(deployments) >= 3


def test_dead_runs_are_ended_by_an_automation(served: Served) -> None:
    with get_client(sync_client=True) as client:
        (found,) = client.read_automations_by_name("bandcast-crash-dead-runs")
    assert found.enabled
    assert isinstance(found.trigger, EventTrigger)
    assert found.trigger.expect == {"prefect.flow-run.*"}


def test_the_doctor_finds_the_server_scheduling_and_a_worker(served: Served) -> None:
    upgrade_store(served.url)
    eventually(lambda: [run for run in runs() if run.auto_scheduled] or None, "a scheduled run")
    with get_client(sync_client=True) as client:
        eventually(lambda: client.read_workers_for_work_pool("bandcast") or None, "a worker")
    script = Path(sys.executable).with_name("bandcast")
    done = subprocess.run(
        [script, "doctor"], env=served.environment, capture_output=True, text=True, check=False
    )
    for check in ("Prefect server", "schedules", "worker", "database"):
        assert re.search(f"^ok +{check}:", done.stdout, re.MULTILINE), done.stdout


def find_published(run: FlowRun) -> dict[str, Any]:
    """Payload of the event after this run's commit, once the server has it."""
    with get_client(sync_client=True) as client:
        auth = split(AUTH_STRING)
        wanted = {"filter": {"event": {"name": [PUBLISHED]}}}
        answer = (
            httpx.post(f"{client.api_url}events/filter", json=wanted, auth=auth).raise_for_status().json()
        )
    for event in answer["events"]:
        if any(str(run.id) in resource["prefect.resource.id"] for resource in event["related"]):
            payload: dict[str, Any] = event["payload"]
            return payload
    return {}


def split(auth_string: str) -> tuple[str, str]:
    user, _, secret = auth_string.partition(":")
    return user, secret


def name_deployment(run: FlowRun) -> str:
    assert run.deployment_id is not None
    with get_client(sync_client=True) as client:
        return client.read_deployment(run.deployment_id).name


def require_refusal(environment: dict[str, str], sentence: str) -> None:
    """Check that a second `serve` of the same home is refused."""
    second = subprocess.run(
        [Path(sys.executable).with_name("bandcast"), "serve", "--port", str(free_port())],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 2
    assert sentence in second.stderr


def test_serve_starts_a_server_whose_schedules_make_runs(
    workplace: Path, prefect_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_database(workplace / "prefect", prefect_template)
    for name in ("PREFECT_API_URL", AUTH_VARIABLE, "PREFECT_HOME"):
        monkeypatch.delenv(name, raising=False)
    port = free_port()
    environment = os.environ | {"PREFECT_HOME": str(workplace / "prefect")}
    script = Path(sys.executable).with_name("bandcast")
    with (workplace / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [script, "serve", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}/api"

    def scheduled() -> set[str] | None:
        assert process.poll() is None, (workplace / "serve.log").read_text()
        try:
            auth = split(read_auth_string(workplace / "home") or ":")
            found = httpx.post(f"{url}/flow_runs/filter", json={}, auth=auth).raise_for_status().json()
        except httpx.HTTPError:
            return None
        deployed = {run["deployment_id"] for run in found if run["auto_scheduled"]}
        return deployed if len(deployed) == 3 else None

    try:
        eventually(scheduled, "scheduled runs of every deployment with a schedule")
        doctor = subprocess.run(  # of this home, told no URL
            [script, "doctor", "--json"], env=environment, capture_output=True, text=True, check=False
        )
        (found,) = (check for check in json.loads(doctor.stdout) if check["check"] == "Prefect server")
        assert (found["verdict"], str(port) in found["found"]) == ("ok", True), found
        assert (workplace / "home" / SERVER_LOG).exists()
        require_refusal(environment, f"found one at http://127.0.0.1:{port} (process {process.pid})")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")
    assert read_server_url(workplace / "home") is None
    said = (workplace / "serve.log").read_text()
    path = workplace / "home" / "prefect-auth"
    assert f"with the text in {path}; `cat {path}` prints it." in said
    assert path.read_text().strip().rpartition(":")[2] not in said
