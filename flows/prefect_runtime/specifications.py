"""The work pool and the deployments that the files in `deployments/` describe, as Prefect's API has them."""

import functools
import json
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from multiprocessing import get_context
from typing import Any

import yaml

from flows.schedules import Schedule
from flows.version import code_version

STORE_TAG = "store="
FOLLOWING = AFTER_CLOSE, EVENING = "after-close", "evening"  # schedules that follow the settings
POOL_TYPE = "process"  # of the work pool that is created where there is none
OF_THE_RELEASE = ("entrypoint", "version", "parameter_openapi_schema")


@dataclass(frozen=True)
class Specification:
    """One object of the server, as a file describes it.

    Attributes:
        name: As Prefect shows it; of a deployment `flow/deployment`.
        fields: Name of a field -> its value, as the API takes it.
    """

    name: str
    fields: Mapping[str, Any]


def describe_deployments(store: str, schedule: Schedule) -> list[Specification]:
    """Describe every deployment of `prefect.yaml`.

    Args:
        store: Name of the database that they serve, which becomes a tag.
        schedule: When the daily one runs; the health check follows it, and all are in its time zone.
    """
    content = yaml.safe_load((files("flows") / "prefect.yaml").read_text())
    deployments = content["deployments"]
    forms = _read_forms(tuple(deployment["entrypoint"] for deployment in deployments))
    return [
        Specification(
            f"{deployment['entrypoint'].rpartition('.')[2]}/{deployment['name']}",
            _list_fields(deployment)
            | {
                "schedules": _describe_schedules(deployment, schedule),
                "tags": [STORE_TAG + store],
                "version": code_version(),
                "parameter_openapi_schema": forms[deployment["entrypoint"]],
                "pull_steps": content["pull"],
            },
        )
        for deployment in deployments
    ]


def describe_pool() -> Specification:
    """Describe the work pool: its runs take command, environment and working directory from the worker."""
    content = yaml.safe_load((files("flows") / "prefect.yaml").read_text())
    template = json.loads((files("flows") / "work-pool.json").read_text())
    (name,) = {deployment["work_pool"]["name"] for deployment in content["deployments"]}
    fields = {"base_job_template": template, "is_paused": False, "concurrency_limit": None}
    return Specification(name, fields)


def _list_fields(deployment: Mapping[str, Any]) -> dict[str, Any]:
    limit = deployment["concurrency_limit"]
    return {
        "entrypoint": deployment["entrypoint"],
        "description": " ".join(deployment["description"].split()),
        "parameters": deployment.get("parameters", {}),
        "paused": False,
        "concurrency_limit": limit["limit"],
        "concurrency_options": {name: value for name, value in limit.items() if name != "limit"},
        "work_pool_name": deployment["work_pool"]["name"],
        "enforce_parameter_schema": True,
        "job_variables": {},
    }


def _describe_schedules(deployment: Mapping[str, Any], chosen: Schedule) -> list[dict[str, Any]]:
    """Describe the schedules of a deployment, at the times that are chosen where they follow the settings."""
    crons = {AFTER_CLOSE: chosen.cron, EVENING: chosen.check_cron}
    specs = [
        {
            "slug": schedule["slug"],
            "schedule": {
                "cron": crons.get(schedule["slug"]) or schedule["cron"],
                "timezone": chosen.timezone,
            },
            "active": schedule.get("active", True),
            "parameters": schedule.get("parameters", {}),
        }
        for schedule in deployment.get("schedules", [])
    ]
    return sorted(specs, key=str)


@functools.cache
def _read_forms(entrypoints: tuple[str, ...]) -> dict[str, Any]:
    """Read the form of each flow in a separate process: the flows import torch, which would stay here."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return dict(zip(entrypoints, process.map(read_form, entrypoints), strict=True))


def read_form(entrypoint: str) -> dict[str, Any]:
    """Read the parameters of a flow as an OpenAPI schema."""
    module, _, name = entrypoint.rpartition(".")
    flow = getattr(import_module(module), name)
    form: dict[str, Any] = flow.parameters.model_dump(mode="json", exclude_unset=True)
    return form
