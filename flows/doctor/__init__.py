"""What `bandcast doctor` looks at, and what to do about what it finds."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from flows.doctor.environment import dependencies, free_disk, python_version
from flows.doctor.finding import Finding
from flows.doctor.prefect_server import prefect_server
from flows.doctor.stored import calendars, database, freshness
from flows.settings import Settings
from forecasting.errors import BandcastError


def examine(settings: Settings) -> Iterator[Finding]:
    """One finding after the other; a check that breaks is a finding too."""
    checks = (python_version, dependencies, free_disk, database, calendars, freshness, prefect_server)
    for check in checks:
        try:
            yield from check(settings)
        except BandcastError as error:
            yield Finding(check.__name__, "fail", str(error))
        except Exception as error:  # the doctor must not fall ill himself
            said = " ".join(f"{type(error).__name__}: {error}".split())
            yield Finding(check.__name__, "fail", said, "report this, with the line above")


def findings_json(findings: list[Finding]) -> str:
    """The findings as a JSON array."""
    return json.dumps([asdict(one) for one in findings], indent=2)
