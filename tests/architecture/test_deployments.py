"""The files in deployments/: what they name exists, and nothing in them needs more than they say."""

import importlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow

from flows.schedules import STANDARD
from flows.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
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


def test_compose_sets_only_settings_that_exist_and_binds_only_to_this_host() -> None:
    server = COMPOSE["services"]["server"]["environment"]
    assert server["PREFECT_SERVER_API_AUTH_STRING"].startswith("${PREFECT_AUTH_STRING:?")
    assert "*" not in server["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"]
    known = {f"BANDCAST_{name.upper()}" for name in Settings.model_fields}
    for service in COMPOSE["services"].values():
        ours = {name for name in service.get("environment", {}) if name.startswith("BANDCAST_")}
        assert ours <= known
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        for needed, condition in service.get("depends_on", {}).items():
            assert needed in COMPOSE["services"]
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in COMPOSE["services"][needed]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (FOLDER / source).exists()


def test_compose_gives_each_service_the_password_of_its_own_role_and_no_url_a_password() -> None:
    services = COMPOSE["services"]
    assert {name: read_password(services[name]) for name in ("deploy", "worker", "server")} == {
        "deploy": "OWNER_PASSWORD",
        "worker": "OWNER_PASSWORD",
        "server": "PREFECT_PASSWORD",
    }
    for service in services.values():
        for value in service["environment"].values():
            assert "://" not in value or "${" not in value  # nothing to escape
    for name in ("deploy", "worker"):
        assert services[name]["environment"]["BANDCAST_DATABASE_URL"].startswith("postgresql://bandcast@")
        assert "POSTGRES_PASSWORD" not in str(services[name])
    named = re.findall(r"^\\getenv \w+ (\w+)$", (FOLDER / "postgres.sql").read_text(), re.MULTILINE)
    assert set(named) == {"OWNER_PASSWORD", "READER_PASSWORD", "PREFECT_PASSWORD"}
    assert {read_variable(services["postgres"], name) for name in named} == set(named)


def read_variable(service: dict[str, Any], name: str) -> str:
    """Name of the variable that a variable of a service must be set from."""
    found = re.fullmatch(r"\$\{(\w+):\?.+\}", service["environment"][name])
    assert found is not None
    return found[1]


def read_password(service: dict[str, Any]) -> str:
    return read_variable(service, "PGPASSWORD")


def test_the_image_copies_only_what_is_there_and_not_ignored() -> None:
    lines = (FOLDER / "Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert {"constraints.txt", "flows"} <= set(copied) <= set(allowed)
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("name", ["zombies.yaml", "alarms.yaml", "automations.yaml"])
def test_prefect_accepts_the_automations(name: str) -> None:
    from prefect.events.schemas.automations import AutomationCore

    for described in yaml.safe_load_all((FOLDER / name).read_text()):
        for automation in described.get("automations", [described]):
            assert AutomationCore.model_validate(automation).name.startswith("bandcast-")


def test_compose_is_accepted_by_the_tool_itself() -> None:
    docker = shutil.which("docker")
    found = subprocess.run([docker or "false", "compose", "version"], capture_output=True, check=False)
    if docker is None or found.returncode:
        pytest.skip("docker compose is not installed")
    passwords = {f"{role}_PASSWORD": "x" for role in ("POSTGRES", "OWNER", "READER", "PREFECT")}
    needed = {**passwords, "PREFECT_AUTH_STRING": "a:b", "BANDCAST_TICKERS": "AAPL"}
    environment = {"PATH": str(Path(docker).parent), **needed}
    command = [docker, "compose", "--file", str(FOLDER / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
