"""Names of runs, as the Prefect UI lists them."""

import re
from datetime import date
from typing import Any

from prefect.runtime import flow_run

from flows.context import resolve_scope
from flows.prefect_runtime.flow_support import due
from flows.prefect_runtime.parameters import overrides

_GREEK = (
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|omicron|pi|rho|sigma|tau|upsilon|"
    "phi|chi|psi|omega"
)
# Prefect makes up adept-lynx; the form of its UI makes up rho4-tyree and psi6-canis-majoris-field, and
# delta895 and xi3--band where it draws a star without a name.
_GENERATED = re.compile(f"[a-z]+-[a-z]+|({_GREEK})([0-9]{{3,}}|[0-9]*-?(-[a-z]+)+)")


def run_name() -> str:
    """Return the name that a person typed; without one, the flow with the run's session, range or day."""
    if (given := flow_run.name) and not _GENERATED.fullmatch(given):
        return str(given)
    parameters: dict[str, Any] = flow_run.parameters
    if "start" in parameters:
        return f"{flow_run.flow_name}-{parameters['start']}-{parameters['end']}"
    if "tickers" not in parameters:
        return f"{flow_run.flow_name}-{due().date()}"
    return f"{flow_run.flow_name}-{parameters.get('as_of') or _find_session(parameters)}"


def _find_session(parameters: dict[str, Any]) -> date:
    """Return the session that the run will choose; of a run that cannot start, the day that it was due."""
    chosen = overrides(**{name: parameters[name] for name in ("tickers", "source", "csv_dir")})
    try:
        return resolve_scope(due(), **chosen).as_of
    except Exception:  # the run meets the same error, and states it
        return due().date()
