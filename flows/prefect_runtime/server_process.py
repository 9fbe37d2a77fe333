"""Processes of Prefect's servers and workers: started, waited for, and ended with a block."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

STARTUP_SECONDS = 120
STOP_SECONDS = 45  # a worker gives its runs 30 seconds to end

Process = subprocess.Popen[bytes]


@contextmanager
def run_child(
    command: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | int | None = None
) -> Iterator[Process]:
    """Run a process that ends with the block: terminated first, then killed.

    Args:
        command: Program and arguments.
        environment: All of its variables.
        output: Where both of its outputs go, as for `subprocess`; None for those of this process.
    """
    with subprocess.Popen(  # noqa: S603  # our own words, no shell
        command, env=environment, stdout=output, stderr=output
    ) as child:
        try:
            yield child
        finally:
            stop(child)


def stop(child: Process, seconds: float = STOP_SECONDS) -> None:
    """Terminate a process and wait for its end; kill it if it takes longer."""
    child.terminate()
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def wait_until_healthy(server: Process, url: str) -> bool:
    """Wait for a Prefect server to answer; return False if it ended, or took too long."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"{url}/api/health", timeout=2) as answer:  # noqa: S310  # our own, on the loopback
                if answer.status == 200:
                    return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False
