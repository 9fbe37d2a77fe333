"""Names of runs, as the Prefect UI lists them."""

from datetime import date
from typing import Any

from prefect.runtime import flow_run

from flows.context import newest_session, source_of
from flows.prefect_runtime.flow_support import due
from flows.prefect_runtime.parameters import overrides
from flows.settings import load_settings
from forecasting.errors import BandcastError


def run_name() -> str:
    """The flow and the session that the run is about, or the range."""
    asked = flow_run.parameters
    about = (asked["start"], asked["end"]) if "start" in asked else (asked.get("as_of") or _session(asked),)
    return "-".join([str(flow_run.flow_name), *map(str, about)])


def _session(asked: dict[str, Any]) -> date:
    """The session that the run will choose; a run that is about to fail has the day it was due."""
    instant = due()
    try:
        settings = load_settings(**overrides(asked["tickers"], asked["source"], asked["csv_dir"]))
        source = source_of(settings)
        return newest_session(source, settings.tickers or source.tickers(), instant, settings)
    except BandcastError:
        return instant.date()
