"""The temporary Prefect server of a run without PREFECT_API_URL: it starts and ends with the run."""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO

from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_UI_URL,
    get_current_settings,
    temporary_settings,
)

from flows.prefect_runtime.server_process import Process, stop, wait_until_healthy
from flows.server_access import AUTH_VARIABLE, SERVER_AUTH_VARIABLE
from forecasting.errors import SourceError

DRAIN_SECONDS = 10
STOP_SECONDS = 5  # what Prefect gives its own
_COMMAND = (sys.executable, "-m", "flows.prefect_runtime.watched_server")
_SHOWN = 500  # characters of a server's last words
# As for the server that Prefect itself would start.
_KIND = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


@contextmanager
def temporary_server() -> Iterator[Callable[[], None]]:
    """Run a Prefect server for the flows of the block, unless PREFECT_API_URL names one.

    It never outlives this process, however that ends, and writes nothing to its outputs.

    Yields:
        A function that waits until the server answers; call it before the first flow. It raises
        `SourceError` with the server's last words where there is none.
    """
    if PREFECT_API_URL.value():
        yield lambda: None
        return
    auth_string = f"bandcast:{secrets.token_urlsafe(32)}"
    with TemporaryFile() as output, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # It has no pages: without a URL of them, Prefect logs no link to one.
        access = {PREFECT_API_URL: f"{url}/api", PREFECT_API_AUTH_STRING: auth_string, PREFECT_UI_URL: ""}
        with _run(listener, auth_string, output) as server, temporary_settings(access):
            listener.close()
            try:
                yield lambda: _wait(server, url, output)
            finally:
                _drain()


@contextmanager
def _run(listener: socket.socket, auth_string: str, output: IO[bytes]) -> Iterator[Process]:
    """Start the server with the other end of its standard input in our hands alone.

    A separate session keeps Ctrl-C from it: the run reports its end to the server first.
    """
    known = get_current_settings().to_environment_variables(exclude_unset=True)
    access = {AUTH_VARIABLE: auth_string, SERVER_AUTH_VARIABLE: auth_string}
    descriptor = listener.fileno()
    with subprocess.Popen(  # noqa: S603  # our own words, no shell
        [*_COMMAND, str(descriptor)],
        env={**os.environ, **known, **_KIND, **access},
        pass_fds=[descriptor],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        start_new_session=True,
    ) as server:
        try:
            yield server
        finally:
            stop(server, STOP_SECONDS)


def _wait(server: Process, url: str, output: IO[bytes]) -> None:
    if wait_until_healthy(server, url):
        return
    output.seek(0)
    words = " ".join(output.read().decode(errors="replace").split())[-_SHOWN:]
    found = "one that does not answer" if server.poll() is None else f"its end with code {server.returncode}"
    raise SourceError(
        f"Expected a temporary Prefect server at {url}, found {found}: '{words}'; "
        "mend its cause, or set PREFECT_API_URL to a server that runs."
    )


def _drain() -> None:
    """Deliver the events and log lines that Prefect's threads still hold."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    EventsWorker.drain_all(timeout=DRAIN_SECONDS)
    APILogWorker.drain_all(timeout=DRAIN_SECONDS)
