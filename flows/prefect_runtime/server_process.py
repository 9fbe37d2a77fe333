"""Processes of Prefect's servers and workers: started, waited for, logged, and ended with a block."""

import ctypes
import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

from forecasting.errors import SourceError

LOOPBACK = "127.0.0.1"
SERVER_LOG = Path("logs") / "prefect-server.log"  # in the home
LARGEST_LOG = 5_000_000  # bytes, when the server starts; the file before it is kept beside it
STARTUP_SECONDS = 120
STOP_SECONDS = 45  # a worker gives its runs 30 seconds to end

_ON_END_OF_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)

Process = subprocess.Popen[bytes]


@contextmanager
def run_child(
    command: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | int | None = None
) -> Iterator[Process]:
    """Run a process that ends with the block: terminated first, then killed.

    Linux terminates it if this process is killed: a server that is left behind would go on making runs.

    Args:
        command: Program and arguments.
        environment: All of its variables.
        output: Where both of its outputs go, as for `subprocess`; None for those of this process.
    """
    with subprocess.Popen(  # noqa: S603  # our own words, no shell
        command,
        env=environment,
        stdout=output,
        stderr=output,
        preexec_fn=_find_tie(),  # noqa: PLW1509  # one call of the system, which takes no lock
    ) as child:
        try:
            yield child
        finally:
            stop(child)


def _find_tie() -> Callable[[], object] | None:
    """Return the call after which Linux ends a new process with its parent; None on other systems."""
    if sys.platform != "linux":
        return None
    return functools.partial(ctypes.CDLL(None).prctl, _ON_END_OF_PARENT, signal.SIGTERM.value)


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
                    return server.poll() is None  # else somebody else answered
        except (URLError, OSError):
            time.sleep(0.1)
    return False


@contextmanager
def open_server_log(home: Path) -> Iterator[IO[bytes]]:
    """Open the server's log to append; one that has grown large gives way, and stays beside it as `.1`."""
    path = home / SERVER_LOG
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as log:
        yield log


def require_free_port(port: int) -> None:
    """Check that nobody listens on a port of this machine, so that no other server is taken for ours.

    Raises:
        SourceError: Somebody does, or the port may not be used.
    """
    with socket.socket() as probe:
        # A port that was left a minute ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise SourceError(
                f"Expected a free port {port} on {LOOPBACK}, found: {os.strerror(error.errno or 0)}; "
                "stop what listens there, choose another with --port, or use that server by PREFECT_API_URL."
            ) from error
