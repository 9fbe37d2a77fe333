"""Version of a build: the release that flows/version.py states, the commit, and uncommitted changes.

It is not in pyproject.toml, because no tag states the release: that takes a version scheme of our own.
"""

from pathlib import Path
from runpy import run_path
from typing import Any

from setuptools import setup

STATED = run_path(str(Path(__file__).parent / "flows" / "version.py"))


def format_release(_version: Any) -> str:
    """Return the release, whatever tags there are."""
    return str(STATED["RELEASE"])


def format_commit(version: Any) -> str:
    """Return `+g<commit>`, and `.dirty` where tracked files have changed; "" before the first commit."""
    if version.node is None:
        return ""
    commit = version.node[: len("g") + STATED["COMMIT_DIGITS"]]
    return f"+{commit}.dirty" if version.dirty else f"+{commit}"


setup(
    use_scm_version={
        "version_scheme": format_release,
        "local_scheme": format_commit,
        "fallback_version": STATED["RELEASE"],  # neither git nor the PKG-INFO of an sdist
    }
)
