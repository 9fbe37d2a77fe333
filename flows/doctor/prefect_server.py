"""The Prefect server: alive, scheduling by itself, and with somebody to do the work."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flows.doctor.finding import Finding
from flows.settings import Settings

SERVE = "run `bandcast serve`, or set PREFECT_API_URL to your server"


def prefect_server(_: Settings) -> Iterator[Finding]:
    """Whether schedules make runs and a worker takes them."""
    from prefect import get_client
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if not url:
        yield Finding("Prefect server", "warn", "none is configured, so nothing runs on schedule", SERVE)
        return
    with get_client(sync_client=True) as client:
        if (error := client.api_healthcheck()) is not None:
            said = type(error).__name__
            yield Finding("Prefect server", "fail", f"{url} does not answer ({said})", SERVE)
            return
        yield Finding("Prefect server", "ok", f"{url}, version {client.api_version()}")
        deployments = [
            one for one in client.read_deployments() if (one.entrypoint or "").startswith("flows.")
        ]
        yield from _scheduler(client, deployments)
        yield from _workers(client, deployments)


def _scheduler(client: Any, deployments: list[Any]) -> Iterator[Finding]:
    """Whether every active schedule has made a run for the future by itself.

    With versions that do not fit together the server looks healthy and its scheduler creates nothing.
    """
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterNextScheduledStartTime,
    )

    planned = [one for one in deployments if not one.paused and any(each.active for each in one.schedules)]
    if not planned:
        yield Finding("schedules", "fail", "no deployment of bandcast has an active schedule", SERVE)
        return
    to_come = FlowRunFilter(
        next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(after_=datetime.now(UTC))
    )
    only = DeploymentFilter(id=DeploymentFilterId(any_=[one.id for one in planned]))
    runs = client.read_flow_runs(flow_run_filter=to_come, deployment_filter=only)
    served = {run.deployment_id for run in runs if run.auto_scheduled}
    idle = sorted(one.name for one in planned if one.id not in served)
    if idle:
        told = f"the scheduler has made no run of {', '.join(idle)}"
        yield Finding("schedules", "fail", told, "wait a minute after deploying; then see docs/versions.md")
    else:
        first = min(run.expected_start_time for run in runs)
        yield Finding(
            "schedules", "ok", f"{len(planned)} deployments; the next run is due {first:%a %H:%M} UTC"
        )


def _workers(client: Any, deployments: list[Any]) -> Iterator[Finding]:
    """Whether a worker polls each pool that the deployments use."""
    for name in sorted({one.work_pool_name for one in deployments if one.work_pool_name}):
        pool = client.read_work_pool(name)
        online = [one for one in client.read_workers_for_work_pool(name) if str(one.status.value) == "ONLINE"]
        if pool.is_paused:
            yield Finding("worker", "fail", f"pool {name} is paused", f"prefect work-pool resume {name}")
        elif online:
            yield Finding("worker", "ok", f"{len(online)} on pool {name}")
        else:
            advice = f"prefect worker start --pool {name}"
            yield Finding("worker", "fail", f"none on pool {name}: runs stay late", advice)
