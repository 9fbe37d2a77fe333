"""Checks of the machine: Python, versions that break each other, disk."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from packaging.specifiers import SpecifierSet

from flows.doctor.finding import Finding
from flows.environment import read_environment
from flows.settings import Settings, describe_unknown, find_unknown_variables

LEAST_FREE_GB, TIGHT_FREE_GB = 0.5, 5.0


@dataclass(frozen=True)
class Clash:
    """Versions that break when they come together.

    Attributes:
        versions: Package -> versions that take part.
        breaks: The failure.
        advice: What to install.
    """

    versions: Mapping[str, str]
    breaks: str
    advice: str


CLASHES = (
    Clash(
        {"prefect": "<3.9.1", "sqlalchemy": ">=2.1"},
        "Prefect's scheduler never creates a run",
        "pip install 'sqlalchemy<2.1'",
    ),
    Clash(
        {"prefect": "<3.9.2", "fastapi": ">=0.155"},
        "Prefect's server does not import",
        "pip install 'fastapi<0.151'",
    ),
    Clash(
        {"prefect": "<3.8.8"},
        "retries under a deployment's concurrency limit crash",
        "pip install 'prefect>=3.8.8'",
    ),
    Clash(
        {"pytorch-lightning": ">=2.6.2,<=2.6.3"},
        "a malicious upload",
        "treat this machine's secrets as stolen and install 2.6.4 or newer",
    ),
    Clash({"pandas": "==3.0.4"}, "exchange_calendars crashes on import", "pip install 'pandas>=3.1'"),
)


def check_python(_: Settings, __: datetime) -> Iterator[Finding]:
    """Name the interpreter; this package does not import with one that is too old."""
    yield Finding("Python", "ok", ".".join(map(str, sys.version_info[:3])))


def check_dependencies(_: Settings, __: datetime) -> Iterator[Finding]:
    """Check for versions that are known to break each other."""
    names = {name for clash in CLASHES for name in clash.versions}
    installed = {name: found for name in names if (found := _installed(name))}
    clashes = find_clashes(installed)
    for clash in clashes:
        pair = " with ".join(f"{name} {installed[name]}" for name in clash.versions)
        yield Finding("versions", "fail", f"{pair}: {clash.breaks}", clash.advice)
    if not clashes:
        versions = ", ".join(f"{name} {installed[name]}" for name in sorted(installed))
        yield Finding("versions", "ok", versions)


def find_clashes(installed: Mapping[str, str]) -> list[Clash]:
    """Return the clashes among some versions."""
    return [
        clash
        for clash in CLASHES
        if all(
            name in installed and SpecifierSet(wanted).contains(installed[name], prereleases=True)
            for name, wanted in clash.versions.items()
        )
    ]


def check_settings(_: Settings, __: datetime) -> Iterator[Finding]:
    """Check for variables that look like settings and are none."""
    if unknown := find_unknown_variables(read_environment()):
        found = f"unknown variables, left out: {describe_unknown(unknown)}"
        yield Finding(
            "settings", "warn", found, "correct or remove them; `bandcast config show` lists the settings"
        )
    else:
        yield Finding("settings", "ok", "every variable is known")


def check_disk(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Check that the home is a folder, or can become one, and that there is room."""
    home = settings.home.absolute()
    folder = next(path for path in (home, *home.parents) if path.exists())
    if not folder.is_dir():
        yield Finding("disk", "fail", f"{folder} is no folder", "move it, or set BANDCAST_HOME to a folder")
        return
    free = shutil.disk_usage(folder).free / 1e9
    found = f"{free:.1f} GB free at {folder}"
    if free < LEAST_FREE_GB:
        yield Finding("disk", "fail", found, "make room, or move BANDCAST_HOME")
    elif free < TIGHT_FREE_GB:
        yield Finding("disk", "warn", found, "make room before it runs out")
    else:
        yield Finding("disk", "ok", found)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
