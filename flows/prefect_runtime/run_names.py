"""Names of runs, as the Prefect UI lists them."""

from datetime import date

from prefect import get_client
from prefect.runtime import flow_run

from flows.prefect_runtime.flow_support import due


def run_name() -> str:
    """Return the name of the flow, with the range, the session or the day that the run was due."""
    parameters = flow_run.parameters
    if "start" in parameters:
        return f"{flow_run.flow_name}-{parameters['start']}-{parameters['end']}"
    return f"{flow_run.flow_name}-{parameters.get('as_of') or due().date()}"


def rename_run(session: date) -> None:
    """Name the run after the session that it works on, once that is known."""
    name = f"{flow_run.flow_name}-{session}"
    if "start" not in flow_run.parameters and flow_run.name != name:
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run.id, name=name)
