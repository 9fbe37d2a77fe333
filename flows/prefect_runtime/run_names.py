"""Names of runs, as the Prefect UI lists them."""

from datetime import date
from typing import Any

from prefect.runtime import flow_run

from flows.context import settle_scope
from flows.prefect_runtime.flow_support import due
from flows.prefect_runtime.parameters import overrides


def run_name() -> str:
    """Return the name of the flow, with the session or the range of the run, or the day that it was due."""
    parameters: dict[str, Any] = flow_run.parameters
    if "start" in parameters:
        return f"{flow_run.flow_name}-{parameters['start']}-{parameters['end']}"
    if "tickers" not in parameters:
        return f"{flow_run.flow_name}-{due().date()}"
    return f"{flow_run.flow_name}-{parameters.get('as_of') or _find_session(parameters)}"


def _find_session(parameters: dict[str, Any]) -> date:
    """Return the session that the run will choose; of a run that cannot start, the day that it was due."""
    chosen = overrides(parameters["tickers"], parameters["source"], parameters["csv_dir"])
    try:
        return settle_scope(due(), **chosen).as_of
    except Exception:  # whatever it is, the run meets it again and words it
        return due().date()
