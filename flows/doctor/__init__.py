"""Checks of `bandcast doctor`, and advice on what they find."""

from collections.abc import Iterator

from flows.doctor.environment import dependencies, free_disk, python_version
from flows.doctor.finding import Finding
from flows.doctor.prefect_server import prefect_server
from flows.doctor.stored import calendars, database, freshness
from flows.settings import Settings
from forecasting.errors import BandcastError


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield the findings of every check; a check that fails to run is a finding, too."""
    checks = (python_version, dependencies, free_disk, database, calendars, freshness, prefect_server)
    for check in checks:
        try:
            yield from check(settings)
        except BandcastError as error:
            yield Finding(check.__name__, "fail", str(error))
        except Exception as error:  # one broken check must not hide the findings of the others
            found = " ".join(f"{type(error).__name__}: {error}".split())
            yield Finding(check.__name__, "fail", found, "report this, with the line above")
