"""Deploying to a real Prefect server on which people have changed things."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deployed import read_all
from prefect import get_client
from prefect.blocks.system import Secret
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.variables import Variable
from prefect.workers.base import BaseJobConfiguration
from served import AFTER_CLOSE, AUTH_STRING, BACKFILL, add_schedule

from flows.prefect_runtime.changes import list_fields
from flows.prefect_runtime.deploying import deploy
from flows.schedules import STANDARD, Schedule
from forecasting.errors import UsageError

STORE = "postgresql+psycopg://bandcast:secret@db.example.com/bands?sslmode=require"
POOLS = Path(__file__).parents[3] / "deployments"
ON_DEMAND = tuple(f"{flow}/on-demand" for flow in ("verify", "ingest", "forecast", "rollback"))
NAMES = (AFTER_CLOSE, "retrain/weekly", BACKFILL, "doctor/evening", *ON_DEMAND)


@pytest.fixture
def client(prefect_url: str) -> Iterator[SyncPrefectClient]:
    """Of a server on which everything is as the files have it."""
    deploy(prefect_url, AUTH_STRING, store_url=STORE, reset=True)
    with get_client(sync_client=True) as opened:
        yield opened


def set_things(client: SyncPrefectClient) -> None:
    """Change what a person can change in the UI."""
    daily = client.read_deployment_by_name(AFTER_CLOSE)
    evening, morning = daily.schedules
    client.update_deployment_schedule(
        daily.id, evening.id, schedule=CronSchedule(cron="0 20 * * 1-5", timezone="Asia/Tokyo")
    )
    client.update_deployment_schedule(daily.id, morning.id, active=False)
    noon = CronSchedule(cron="0 12 * * 1-5", timezone="Asia/Tokyo")
    add_schedule(client, AFTER_CLOSE, "tokyo", noon, tickers=["7203.T"])
    update = DeploymentUpdate(
        parameters={"catch_up": "off"},
        tags=[*daily.tags, "desk"],
        description="Ours.",
        concurrency_limit=2,
    )
    client.update_deployment(daily.id, update)
    client.pause_deployment(client.read_deployment_by_name("retrain/weekly").id)
    template = client.read_work_pool("bandcast").base_job_template
    template["variables"]["properties"]["image"] = {"type": "string", "default": "ours:1"}
    client.update_work_pool(
        "bandcast", WorkPoolUpdate(concurrency_limit=3, description="Ours.", base_job_template=template)
    )
    (automation,) = client.read_automations_by_name("bandcast-crash-dead-runs")
    client.pause_automation(automation.id)


def test_what_people_have_set_stays_until_it_is_reset(prefect_url: str, client: SyncPrefectClient) -> None:
    described = read_all(client)
    set_things(client)
    kept = read_all(client)
    assert deploy(prefect_url, AUTH_STRING, store_url=STORE) == []
    assert read_all(client) == kept
    assert {name for name in kept if kept[name] != described[name]} == {
        *("pool", "automation"),
        *(AFTER_CLOSE, "retrain/weekly"),
    }
    planned = deploy(prefect_url, AUTH_STRING, store_url=STORE, reset=True, dry_run=True)
    assert read_all(client) == kept
    assert "deployment retrain/weekly: paused True becomes False" in planned
    assert "work pool bandcast: concurrency_limit 3 becomes None" in planned
    assert (
        f"deployment {AFTER_CLOSE}: parameters {{'catch_up': 'off'}} becomes {{'catch_up': 'fill'}}"
        in planned
    )
    assert "automation bandcast-crash-dead-runs: enabled False becomes True" in planned
    assert deploy(prefect_url, AUTH_STRING, store_url=STORE, reset=True) == planned
    described["pool"]["description"] = "Ours."  # the files have none
    assert read_all(client) == described


def test_only_what_is_missing_is_created(prefect_url: str, client: SyncPrefectClient) -> None:
    client.delete_deployment(client.read_deployment_by_name(BACKFILL).id)
    lines = deploy(prefect_url, AUTH_STRING, store_url=STORE)
    assert lines[0] == f"deployment {BACKFILL}: created"
    made = client.read_deployment_by_name(BACKFILL)
    (watch,) = lines[1:]
    assert watch.startswith("automation bandcast-crash-dead-runs: trigger ")
    (automation,) = client.read_automations_by_name("bandcast-crash-dead-runs")
    assert f"prefect.deployment.{made.id}" in str(automation.trigger)


def list_times(client: SyncPrefectClient, name: str) -> dict[str, Any]:
    fields = list_fields(client.read_deployment_by_name(name))
    return {schedule["slug"]: tuple(schedule["schedule"].values()) for schedule in fields["schedules"]}


def test_the_schedule_of_the_settings_counts_where_a_deployment_is_created_or_reset(
    prefect_url: str, client: SyncPrefectClient
) -> None:
    tokyo = Schedule("0 18 * * mon-fri", "Asia/Tokyo")
    client.delete_deployment(client.read_deployment_by_name("doctor/evening").id)
    hint = deploy(prefect_url, AUTH_STRING, store_url=STORE, schedule=tokyo)[-1]
    assert list_times(client, "doctor/evening") == {"evening": ("0 20 * * mon-fri", "Asia/Tokyo")}
    before = list_times(client, AFTER_CLOSE)
    assert before["after-close"] == (STANDARD.cron, STANDARD.timezone)
    assert hint == (
        f"BANDCAST_SCHEDULE and BANDCAST_TIMEZONE differ: {AFTER_CLOSE} runs at 30 18 * * 1-5 "
        "America/New_York, not at 0 18 * * mon-fri Asia/Tokyo. `--reset` applies them, and sets back all "
        "that `bandcast deploy --reset --dry-run` lists."
    )
    assert deploy(prefect_url, AUTH_STRING, store_url=STORE) == []  # where nobody has set a schedule
    deploy(prefect_url, AUTH_STRING, store_url=STORE, schedule=tokyo, reset=True)
    assert deploy(prefect_url, AUTH_STRING, store_url=STORE, schedule=tokyo) == []
    assert list_times(client, AFTER_CLOSE) == {
        "after-close": ("0 18 * * mon-fri", "Asia/Tokyo"),
        "morning-catch-up": ("0 8 * * 2-6", "Asia/Tokyo"),
    }


def test_a_new_release_brings_its_form_and_leaves_the_flow_of_others(
    prefect_url: str, client: SyncPrefectClient
) -> None:
    daily, verify = (client.read_deployment_by_name(name) for name in (AFTER_CLOSE, "verify/on-demand"))
    old = {"parameter_openapi_schema": {"type": "object", "properties": {}}, "version": "0"}
    client.update_deployment(daily.id, DeploymentUpdate.model_validate(old))
    client.update_deployment(
        verify.id, DeploymentUpdate.model_validate(old | {"entrypoint": "desk.flows.verify"})
    )
    lines = deploy(prefect_url, AUTH_STRING, store_url=STORE)
    assert {line.split(" ")[1] for line in lines} == {f"{AFTER_CLOSE}:"}
    assert f"deployment {AFTER_CLOSE}: parameter_openapi_schema of this release" in lines
    form = client.read_deployment(daily.id).parameter_openapi_schema
    assert form
    assert "look_back" in form["properties"]
    assert client.read_deployment(verify.id).entrypoint == "desk.flows.verify"


def test_the_deployments_of_another_store_are_refused(prefect_url: str, client: SyncPrefectClient) -> None:
    daily = client.read_deployment_by_name(AFTER_CLOSE)
    assert daily.tags == ["store=postgresql://db.example.com/bands"]
    other = "sqlite:////elsewhere/bandcast.db"
    with pytest.raises(UsageError, match=r"found those of postgresql://db\.example\.com/bands; use"):
        deploy(prefect_url, AUTH_STRING, store_url=other)
    assert client.read_deployment_by_name(AFTER_CLOSE).tags == daily.tags
    client.update_deployment(daily.id, DeploymentUpdate(tags=["desk"]))
    for name in NAMES[1:]:
        client.delete_deployment(client.read_deployment_by_name(name).id)
    assert deploy(prefect_url, AUTH_STRING, store_url=other)
    assert client.read_deployment_by_name(AFTER_CLOSE).tags == ["desk", f"store={other}"]


def test_a_dry_run_of_a_first_deployment_makes_nothing(prefect_url: str, client: SyncPrefectClient) -> None:
    for name in NAMES:
        client.delete_deployment(client.read_deployment_by_name(name).id)
    planned = deploy(prefect_url, AUTH_STRING, store_url=STORE, dry_run=True)
    assert {f"deployment {name}: created" for name in NAMES} == set(planned[: len(NAMES)])
    with pytest.raises(ObjectNotFound):
        client.read_deployment_by_name(AFTER_CLOSE)


def read_template(kind: str) -> dict[str, Any]:
    """Job template of the example pool of a kind of containers."""
    template: dict[str, Any] = json.loads((POOLS / f"{kind}-pool.json").read_text())
    return template


@pytest.fixture(params=["docker", pytest.param("kubernetes", marks=pytest.mark.long)])
def containers(request: pytest.FixtureRequest, prefect_url: str, client: SyncPrefectClient) -> Iterator[str]:
    """Kind of containers of a work pool that somebody has made before anything was deployed."""
    for name in NAMES:
        client.delete_deployment(client.read_deployment_by_name(name).id)
    client.delete_work_pool("bandcast")
    template = read_template(request.param)
    client.create_work_pool(WorkPoolCreate(name="bandcast", type=request.param, base_job_template=template))
    yield request.param
    client.delete_work_pool("bandcast")
    deploy(prefect_url, AUTH_STRING, store_url=STORE, reset=True)


def test_a_pool_of_containers_keeps_its_job_template_and_runs_cannot_change_it(
    prefect_url: str, client: SyncPrefectClient, containers: str
) -> None:
    deploy(prefect_url, AUTH_STRING, store_url=STORE)
    assert deploy(prefect_url, AUTH_STRING, store_url=STORE, reset=True) == []
    pool = client.read_work_pool("bandcast")
    assert (pool.type, pool.base_job_template) == (containers, read_template(containers))
    daily = client.read_deployment_by_name(AFTER_CLOSE)
    assert daily.work_pool_name == "bandcast"
    for changed in ({"env": {"PGPASSWORD": "mine"}}, {"password": "mine"}):
        with pytest.raises(PrefectHTTPStatusError, match="422"):
            client.create_flow_run_from_deployment(daily.id, job_variables=changed)
    client.create_flow_run_from_deployment(daily.id, job_variables={"name": "ours"})


def test_a_docker_worker_fills_in_password_and_tickers_from_the_server(client: SyncPrefectClient) -> None:
    Secret(value="o'w@n").save("bandcast-owner-password", overwrite=True)
    Variable.set("bandcast_tickers", "AAPL,IBM", overwrite=True)
    configure = BaseJobConfiguration.from_template_and_values(read_template("docker"), {"name": "run"})
    job: Any = asyncio.run(configure)
    assert job.env == {
        "BANDCAST_DATABASE_URL": "postgresql://bandcast@postgres/bandcast",
        "BANDCAST_TICKERS": "AAPL,IBM",
        "PGPASSWORD": "o'w@n",
    }
