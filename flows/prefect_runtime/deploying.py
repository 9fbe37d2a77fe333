"""Deploy to a Prefect server: create what is missing, and leave what was set in the UI or by others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from httpx import HTTPError
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    DeploymentUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from db import name_database
from flows.failures import describe_masked
from flows.prefect_runtime.alarm_block import UNKNOWN, find_block, plan_block, save_block
from flows.prefect_runtime.automations import plan_automations, save_automation
from flows.prefect_runtime.changes import (
    Change,
    describe_schedules,
    plan_deployment,
    plan_pool,
    read_known,
    require_same_store,
)
from flows.prefect_runtime.specifications import (
    POOL_TYPE,
    Specification,
    describe_deployments,
    describe_pool,
)
from flows.schedules import STANDARD, Schedule
from flows.server_access import display_server, require_access
from forecasting.errors import SourceError


def deploy(
    api_url: str,
    auth_string: str | None,
    *,
    store_url: str,
    schedule: Schedule | None = None,
    notify_url: str = "",
    reset: bool = False,
    dry_run: bool = False,
) -> list[str]:
    """Create the work pool, deployments and automations that are missing; repeatable.

    What exists stays as people have set it, but for the parts that belong to the release: entrypoint, version
    and form of a deployment, and the deployments that an automation watches. The block of the alarms has the
    URL that is set.

    Args:
        api_url: URL of the Prefect server's API.
        auth_string: What the API asks for; None where it asks for nothing.
        store_url: Database that the deployments serve.
        schedule: When a daily deployment that is created or reset runs; None where none is set.
        notify_url: Apprise URL of alarms; empty leaves those that exist.
        reset: Set everything back to the files in `deployments/`, and take over another store's deployments.
        dry_run: Change nothing.

    Returns:
        A line for each object that was, or would be, created or edited, and one where deployments run at
        other times than are set.

    Raises:
        SourceError: The server does not answer, or refuses.
        UsageError: The deployments of the server serve another store.
    """
    require_access(api_url, auth_string)
    store = name_database(store_url)
    specs = describe_deployments(store, schedule or STANDARD)
    with _open_client(api_url, auth_string) as client:
        found = _find_deployments(client, specs)
        if not reset:
            require_same_store(list(found.values()), store, api_url)
        changes = [*_plan(client, specs, found, reset=reset), *plan_block(client, notify_url)]
        if not dry_run:
            _apply_all(client, changes)
            found = _find_deployments(client, specs)
        watched = [deployment.id for deployment in found.values()]
        block = find_block(client)
        sender = block.id if block else UNKNOWN if notify_url else None
        automations = list(plan_automations(client, watched, sender, reset=reset))
        hints = list(describe_schedules(specs, found)) if schedule and not reset else []
        if not dry_run:
            _apply_all(client, automations)
    return [*(line for change in (*changes, *automations) for line in change.lines()), *hints]


def _plan(
    client: SyncPrefectClient,
    specs: Sequence[Specification],
    found: Mapping[str, DeploymentResponse],
    *,
    reset: bool,
) -> Iterator[Change]:
    pool = describe_pool()
    yield from plan_pool(pool, read_known(client.read_work_pool, pool.name), reset=reset)
    for deployment in specs:
        yield from plan_deployment(deployment, found.get(deployment.name), reset=reset)


@contextmanager
def _open_client(api_url: str, auth_string: str | None) -> Iterator[SyncPrefectClient]:
    access = {PREFECT_API_URL: api_url, PREFECT_API_AUTH_STRING: auth_string}
    with temporary_settings(access), get_client(sync_client=True) as client:
        try:
            yield client
        except (HTTPError, RuntimeError) as error:
            found = describe_masked(error).rstrip(".")
            raise SourceError(
                f"Expected the Prefect server at {display_server(api_url)} to take the deployments, "
                f"found {found}."
            ) from error


def _find_deployments(
    client: SyncPrefectClient, specs: Sequence[Specification]
) -> dict[str, DeploymentResponse]:
    """Find the deployments that exist, by name."""
    found = ((spec.name, read_known(client.read_deployment_by_name, spec.name)) for spec in specs)
    return {name: deployment for name, deployment in found if deployment}


def _apply_all(client: SyncPrefectClient, changes: Sequence[Change]) -> None:
    apply: Mapping[str, Callable[[SyncPrefectClient, Change], None]] = {
        "work pool": _save_pool,
        "deployment": _save_deployment,
        "automation": save_automation,
        "block": save_block,
    }
    for change in changes:
        apply[change.kind](client, change)


def _save_pool(client: SyncPrefectClient, change: Change) -> None:
    name = change.spec.name
    if change.identity:
        client.update_work_pool(name, WorkPoolUpdate.model_validate(change.new_values))
    else:
        template = change.spec.fields["base_job_template"]
        client.create_work_pool(WorkPoolCreate(name=name, type=POOL_TYPE, base_job_template=template))


def _save_deployment(client: SyncPrefectClient, change: Change) -> None:
    if change.identity is None:
        _create_deployment(client, change.spec)
        return
    if "schedules" in change.new_values:  # an update keeps every schedule that it does not name
        for schedule in client.read_deployment_schedules(change.identity):
            client.delete_deployment_schedule(change.identity, schedule.id)
    client.update_deployment(change.identity, DeploymentUpdate.model_validate(change.new_values))


def _create_deployment(client: SyncPrefectClient, spec: Specification) -> None:
    fields: dict[str, Any] = dict(spec.fields)
    schedules = map(DeploymentScheduleCreate.model_validate, fields.pop("schedules"))
    flow, _, name = spec.name.partition("/")
    client.create_deployment(
        client.create_flow_from_name(flow),
        name,
        schedules=list(schedules),
        concurrency_options=ConcurrencyOptions.model_validate(fields.pop("concurrency_options")),
        **fields,
    )
