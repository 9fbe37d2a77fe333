"""Everything on a Prefect server that people may have set."""

from typing import Any

from prefect.client.orchestration import SyncPrefectClient

from flows.prefect_runtime.changes import list_fields


def read_all(client: SyncPrefectClient) -> dict[str, Any]:
    """Name of a deployment -> its fields; `pool` and `automation` likewise."""
    pool = client.read_work_pool("bandcast").model_dump(exclude={"updated", "status"})
    deployments = {
        f"{client.read_flow(deployment.flow_id).name}/{deployment.name}": list_fields(deployment)
        for deployment in client.read_deployments()
    }
    (automation,) = client.read_automations_by_name("bandcast-crash-dead-runs")
    return {"pool": pool, "automation": automation.enabled, **deployments}
