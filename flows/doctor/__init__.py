"""Checks of `bandcast doctor`, each with what to do about what it finds."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from flows.doctor.finding import Finding
from flows.doctor.inputs import check_alarms, check_price_folder, check_training_list
from flows.doctor.machine import check_dependencies, check_disk, check_python, check_settings
from flows.doctor.prefect_server import check_server
from flows.doctor.stored import check_calendars, check_database, check_file, check_freshness, check_size
from flows.failures import describe_masked, hide_secrets, log_unexpected
from flows.settings import Settings
from forecasting.errors import BandcastError
from forecasting.text import clean_text

CHECKS = (
    check_python,
    check_dependencies,
    check_settings,
    check_disk,
    check_price_folder,
    check_training_list,
    check_database,
    check_file,
    check_size,
    check_calendars,
    check_freshness,
    check_alarms,
    check_server,
)


def examine(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Yield one finding after the other; a check that breaks is reported as one.

    Args:
        settings: Of this installation.
        now: The clock; None reads it.
    """
    for check in CHECKS:
        name = check.__name__.removeprefix("check_")
        try:
            yield from map(_hide_secrets, check(settings, now or datetime.now(UTC)))
        except BandcastError as error:
            yield _hide_secrets(Finding(name, "fail", str(error)))
        except Exception as error:  # one broken check must not hide the others
            log_unexpected(error)
            yield Finding(name, "fail", describe_masked(error), "report this, with the line above")


def list_failures(findings: Iterable[Finding]) -> list[str]:
    """List the lines of what fails."""
    return [finding.line() for finding in findings if finding.verdict == "fail"]


def _hide_secrets(finding: Finding) -> Finding:
    return replace(finding, found=hide_secrets(clean_text(finding.found)))
