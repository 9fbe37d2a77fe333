"""Names of runs, as the Prefect UI lists them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from prefect.runtime import flow_run

from flows.context import newest_session
from flows.prefect_runtime.flow_support import due
from flows.prefect_runtime.parameters import overrides
from flows.settings import load_settings
from flows.sources import open_source
from forecasting.errors import BandcastError


def run_name() -> str:
    """Return the name of the flow, with the session or the range of the run."""
    parameters = flow_run.parameters
    if "start" in parameters:
        return f"{flow_run.flow_name}-{parameters['start']}-{parameters['end']}"
    return f"{flow_run.flow_name}-{parameters.get('as_of') or _find_session(parameters)}"


def _find_session(parameters: Mapping[str, Any]) -> date:
    """Find the session that the run will choose; for a run that cannot start, the day that it was due."""
    instant = due()
    try:
        settings = load_settings(
            **overrides(parameters["tickers"], parameters["source"], parameters["csv_dir"])
        )
        source = open_source(settings)
        return newest_session(source, settings.tickers or source.tickers(), instant, settings)
    except BandcastError:
        return instant.date()
