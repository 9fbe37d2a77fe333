"""Doctor: the checks of `bandcast doctor` as a run, which fails where something fails."""

from prefect import flow

from flows.doctor import examine, list_failures
from flows.prefect_runtime.flow_support import translate_failure
from flows.prefect_runtime.run_names import run_name
from flows.presentation.artifacts import show_findings
from flows.settings import load_settings
from forecasting.errors import SourceError


@flow(name="doctor", flow_run_name=run_name)
@translate_failure
def doctor() -> None:
    """Look for what is broken or will break, such as a session without bands, and fail where something is."""
    findings = tuple(examine(load_settings()))
    show_findings(findings)
    if failed := list_failures(findings):
        raise SourceError(f"Expected nothing to fail, found {' | '.join(failed)}.")
