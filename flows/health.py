"""Doctor: the checks of `bandcast doctor` as a run, which fails where something fails."""

from flows.doctor import examine, list_failures
from flows.prefect_runtime.definitions import define_flow
from flows.presentation.artifacts import show_findings
from flows.settings import load_settings
from forecasting.errors import SourceError


@define_flow("doctor")
def doctor() -> None:
    """Check settings, store, prices, calendars and server; fail if a check fails."""
    findings = tuple(examine(load_settings()))
    show_findings(findings)
    if failed := list_failures(findings):
        raise SourceError(f"Expected nothing to fail, found {' | '.join(failed)}.")
