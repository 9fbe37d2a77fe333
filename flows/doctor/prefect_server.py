"""Checks of the Prefect server: alive, scheduling by itself, and with a worker."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flows.alarms import read_notify_url
from flows.doctor.finding import Finding
from flows.failures import require_prefect_settings
from flows.server_access import display_server, read_auth_string, read_server_url, require_access
from flows.settings import Settings
from forecasting.text import format_count

ALARM_AUTOMATION = "bandcast-alarm-crashed-runs"  # of deployments/alarms.yaml
SERVE = "run `bandcast serve`, or set PREFECT_API_URL to your server"


def check_server(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Check that schedules make runs and a worker takes them: of the configured server, or the home's own."""
    require_prefect_settings()
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    if url := PREFECT_API_URL.value():
        yield from _check_server_at(url, PREFECT_API_AUTH_STRING.value(), now)
    elif url := read_server_url(settings.home):
        auth_string = read_auth_string(settings.home)
        with temporary_settings({PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: auth_string}):
            yield from _check_server_at(url, auth_string, now)
    else:
        yield Finding("Prefect server", "warn", "none is configured, so nothing runs on schedule", SERVE)


def _check_server_at(url: str, auth_string: str | None, now: datetime) -> Iterator[Finding]:
    from prefect import get_client

    shown = display_server(url)
    with get_client(sync_client=True) as client:
        if (error := client.api_healthcheck()) is not None:
            kind = type(error).__name__
            yield Finding("Prefect server", "fail", f"{shown} does not answer ({kind})", SERVE)
            return
        require_access(url, auth_string)
        yield Finding("Prefect server", "ok", f"{shown}, version {client.api_version()}")
        deployments = [
            deployment
            for deployment in client.read_deployments()
            if (deployment.entrypoint or "").startswith("flows.")
        ]
        yield from _check_scheduler(client, deployments, now)
        yield from _check_workers(client, deployments)
        yield from _check_automations(client)


def _check_scheduler(client: Any, deployments: list[Any], now: datetime) -> Iterator[Finding]:
    """Check that every active schedule has made a run for the future by itself.

    With versions that do not fit together the server looks healthy and its scheduler creates nothing.
    """
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterNextScheduledStartTime,
    )

    planned = [
        deployment
        for deployment in deployments
        if not deployment.paused and any(schedule.active for schedule in deployment.schedules)
    ]
    if not planned:
        yield Finding("schedules", "fail", "no deployment of bandcast has an active schedule", SERVE)
        return
    to_come = FlowRunFilter(next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(after_=now))
    only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id for deployment in planned]))
    runs = client.read_flow_runs(flow_run_filter=to_come, deployment_filter=only)
    served = {run.deployment_id for run in runs if run.auto_scheduled}
    idle = sorted(deployment.name for deployment in planned if deployment.id not in served)
    if idle:
        found = f"the scheduler has made no run of {', '.join(idle)}"
        yield Finding("schedules", "fail", found, "wait a minute after deploying; then see docs/versions.md")
    else:
        first = min(run.expected_start_time for run in runs)
        found = f"{format_count(len(planned), 'deployment')}; the next run is due {first:%a %H:%M} UTC"
        yield Finding("schedules", "ok", found)


def _check_automations(client: Any) -> Iterator[Finding]:
    """Check that the server can send alarms, where any are wanted."""
    if read_notify_url() and not client.read_automations_by_name(ALARM_AUTOMATION):
        found = "the server has none for runs that crash or are late"
        yield Finding("alarms of the server", "warn", found, "run `bandcast deploy` or `bandcast serve`")


def _check_workers(client: Any, deployments: list[Any]) -> Iterator[Finding]:
    """Check that a worker polls each pool that the deployments use."""
    for name in sorted(
        {deployment.work_pool_name for deployment in deployments if deployment.work_pool_name}
    ):
        pool = client.read_work_pool(name)
        workers = client.read_workers_for_work_pool(name)
        online = [worker for worker in workers if str(worker.status.value) == "ONLINE"]
        if pool.is_paused:
            yield Finding("worker", "fail", f"pool {name} is paused", f"prefect work-pool resume {name}")
        elif online:
            yield Finding("worker", "ok", f"{len(online)} on pool {name}")
        else:
            advice = f"prefect worker start --pool {name}"
            yield Finding("worker", "fail", f"none on pool {name}: runs stay late", advice)
