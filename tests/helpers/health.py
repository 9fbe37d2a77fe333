"""The health check of the containers, run as compose runs it."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "deployments" / "check_health.py"


def check_health(*urls: str) -> "subprocess.CompletedProcess[str]":
    """Ask every URL; the exit code is 1 where one fails, and standard error names it."""
    command = [sys.executable, str(SCRIPT), *urls]
    return subprocess.run(command, capture_output=True, text=True, check=False)
