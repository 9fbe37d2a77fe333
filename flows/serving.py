"""Serving the flows on their schedules from one foreground process."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from forecasting.errors import SourceError

STARTUP_SECONDS = 120
STOP_SECONDS = 20


def serve_flows(port: int) -> None:
    """Serve `daily/after-close` and `retrain/weekly` until interrupted.

    Uses the Prefect server of PREFECT_API_URL; where none is set, starts one on 127.0.0.1 for as long.
    """
    from prefect.settings import PREFECT_API_URL, temporary_settings

    if PREFECT_API_URL.value():
        _serve()
        return
    with local_server(port) as url, temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        print(f"Prefect UI: {url}", file=sys.stderr)  # noqa: T201  # what the person at the terminal waits for
        _serve()


def _serve() -> None:
    from prefect import serve
    from prefect.schedules import Cron

    from flows.daily import daily
    from flows.retrain import retrain

    new_york = "America/New_York"
    after_close = Cron("30 18 * * 1-5", timezone=new_york)
    saturdays = Cron("0 9 * * 6", timezone=new_york)
    deployments: list[Any] = [  # to_deployment also has an asynchronous form, so its stub promises either
        daily.to_deployment("after-close", schedule=after_close),
        retrain.to_deployment("weekly", schedule=saturdays),
    ]
    serve(
        *deployments, pause_on_shutdown=False
    )  # a restart would leave the schedules paused: no run that day


@contextmanager
def local_server(port: int) -> Iterator[str]:
    """A Prefect server on 127.0.0.1 for as long as the block lasts; its URL.

    Raises:
        SourceError: It did not answer in time, or ended at once.
    """
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    # Without the first, the pages of a server on another port ask the one on 4200.
    pages = {"PREFECT_SERVER_UI_API_URL": f"{url}/api", "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false"}
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env=os.environ | pages, stdout=quiet, stderr=quiet)
    try:
        _wait_until_healthy(server, url)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_until_healthy(server: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"{url}/api/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.3)
    raise SourceError(f"Expected a Prefect server at {url}, found none; is the port free? Try --port.")
