"""Release of this code, and the commit that it runs from."""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RELEASE = "0.2.0"  # stated here alone: setup.py reads it, and builds append the commit
COMMIT_DIGITS = 10
GIT_SECONDS = 5  # reading a work tree takes some 20 ms


@cache
def code_version() -> str:
    """Return the version that runs record, such as `0.2.0+g1a2b3c4d5e.dirty`; read once per process.

    In a git work tree (a checkout or an editable install) it names the commit and uncommitted changes: an
    editable install keeps the version of the day it was installed. Elsewhere, and where git does not answer,
    it is the installed version, which names the commit of the build.
    """
    return read_commit_version(Path(__file__).parents[1]) or read_installed_version()


def read_commit_version(root: Path, seconds: float = GIT_SECONDS) -> str | None:
    """Return release and commit of the git work tree at `root`; None where there is none or git fails.

    Changes of tracked files count as uncommitted changes, untracked files do not, as in a build.
    """
    repository = root / ".git"  # a file in a linked work tree
    if not repository.exists():
        return None
    # Both paths are explicit, so that a GIT_DIR left in the environment by a hook names no other repository.
    git = ["git", "--no-optional-locks", f"--git-dir={repository}", f"--work-tree={root}"]
    describe = ["describe", "--always", "--exclude=*", f"--abbrev={COMMIT_DIGITS}", "--dirty=.dirty"]
    try:
        done = subprocess.run(  # noqa: S603  # our own words, no shell
            [*git, *describe], capture_output=True, text=True, timeout=seconds, check=True, cwd=root
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{RELEASE}+g{done.stdout.strip()}"


def read_installed_version(distribution: str = "bandcast") -> str:
    """Return the version of an installed distribution, or the release where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return RELEASE
