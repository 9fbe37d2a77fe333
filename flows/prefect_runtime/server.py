"""Serve the flows from one foreground process: a Prefect server, the deployments and a worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import as_file, files
from tempfile import TemporaryDirectory

from flows.prefect_runtime.server_process import run_child, wait_until_healthy
from flows.prefect_runtime.telemetry import TELEMETRY_OFF
from flows.server_access import (
    AUTH_FILE,
    AUTH_VARIABLE,
    SERVER_AUTH_VARIABLE,
    display_server,
    make_auth_string,
    require_access,
)
from flows.settings import load_settings, read_environment
from forecasting.errors import SourceError, UsageError

POOL = "bandcast"
RESTART_SECONDS = 10
PREFECT = (sys.executable, "-m", "prefect", "--no-prompt")

Environment = Mapping[str, str]


def serve_flows(port: int) -> None:
    """Deploy everything in `deployments/prefect.yaml` and work on it until interrupted.

    Uses the Prefect server of PREFECT_API_URL; where none is set, starts one on 127.0.0.1 for as long, which
    refuses every request without the auth string of PREFECT_API_AUTH_STRING, or else of the home.

    Raises:
        UsageError: The auth string cannot be stored.
        SourceError: The server does not answer, or refuses the deployments.
    """
    from prefect.settings import PREFECT_API_URL

    # Without these, systemd's way of stopping leaves server and worker behind.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, signal.default_int_handler)
    environment = build_worker_environment()
    if url := PREFECT_API_URL.value():
        _work(environment | {"PREFECT_API_URL": url}, url.removesuffix("/api"))
        return
    auth_string = environment.get(AUTH_VARIABLE) or _read_or_make_auth_string()
    with local_server(port, auth_string) as url:
        _work(environment | {"PREFECT_API_URL": f"{url}/api", AUTH_VARIABLE: auth_string}, url)


def _read_or_make_auth_string() -> str:
    home = load_settings().home.absolute()
    auth_string, new = make_auth_string(home)
    shown = f": {auth_string}" if new else "."
    _print(f"Log in to the Prefect UI with the text in {home / AUTH_FILE}{shown}")
    return auth_string


def deploy_to_server() -> None:
    """Deploy everything to the server of PREFECT_API_URL, for workers elsewhere.

    Raises:
        UsageError: PREFECT_API_URL is not set.
        SourceError: The server does not answer, or refuses.
    """
    from prefect.settings import PREFECT_API_URL

    if not (url := PREFECT_API_URL.value()):
        raise UsageError("Expected PREFECT_API_URL of the server to deploy to, found none; set it.")
    deploy({**TELEMETRY_OFF, **os.environ, "PREFECT_API_URL": url})
    _print(f"Deployed to {display_server(url).removesuffix('/api')}.")


def build_worker_environment() -> dict[str, str]:
    """Return the environment of a worker: `.env`, this environment, absolute paths, and no telemetry.

    Paths are absolute because each run has a working directory of its own.
    """
    settings = load_settings()
    paths = {"BANDCAST_HOME": settings.home, "BANDCAST_CSV_DIR": settings.csv_dir}
    absolute = {name: str(path.absolute()) for name, path in paths.items() if path is not None}
    return {**TELEMETRY_OFF, **read_environment(), **absolute, "BANDCAST_DATABASE_URL": settings.url}


def _work(environment: Environment, url: str) -> None:
    shown = display_server(url)
    _print(f"Deploying to {shown} ...")
    deploy(environment)
    _print(f"Prefect UI: {shown}/deployments  (stop with Ctrl-C)")
    worker = [*PREFECT, "worker", "start", "--pool", POOL, "--type", "process"]
    while True:
        with run_child(worker, environment) as process:
            process.wait()
        _print(f"The worker ended with code {process.returncode}; starting another.")
        time.sleep(RESTART_SECONDS)


def deploy(environment: Environment) -> None:
    """Create the work pool, the deployments and the automation that ends dead runs; repeatable.

    A run of the work pool takes its command, environment and working directory from the worker alone.

    Raises:
        SourceError: The server refuses.
    """
    from flows.prefect_runtime.crash_automation import install_automation

    api_url, auth_string = environment["PREFECT_API_URL"], environment.get(AUTH_VARIABLE)
    require_access(api_url, auth_string)
    with (
        as_file(files("flows") / "work-pool.json") as template,
        as_file(files("flows") / "prefect.yaml") as description,
        TemporaryDirectory() as folder,
    ):
        pool = ["work-pool", "create", POOL, "--type", "process", "--overwrite"]
        _prefect([*pool, "--base-job-template", str(template)], environment, folder)
        _prefect(["deploy", "--all", "--prefect-file", str(description)], environment, folder)
    if name := install_automation(api_url, auth_string):
        _print(f"Installed the automation '{name}'.")


def _prefect(arguments: list[str], environment: Environment, folder: str) -> None:
    done = subprocess.run(  # noqa: S603  # our own words, no shell
        [*PREFECT, *arguments], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        output = " ".join((done.stdout + done.stderr).split())
        raise SourceError(f"Expected `prefect {' '.join(arguments)}` to work, found: {output}")


@contextmanager
def local_server(port: int, auth_string: str) -> Iterator[str]:
    """Run a Prefect server on 127.0.0.1 for as long as the block lasts; yield its URL.

    Args:
        port: To listen on.
        auth_string: Without it, the server refuses every request to its API.

    Raises:
        SourceError: It did not answer in time, or ended at once.
    """
    url = f"http://127.0.0.1:{port}"
    command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    # Without the first, the pages of a server on another port use the API of the one on 4200.
    pages = {"PREFECT_SERVER_UI_API_URL": f"{url}/api", "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false"}
    access = {
        SERVER_AUTH_VARIABLE: auth_string,
        AUTH_VARIABLE: auth_string,  # for what the server asks of its own API
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"{url},http://localhost:{port}",
    }
    environment = {**TELEMETRY_OFF, **os.environ, **pages, **access}
    with run_child(command, environment, subprocess.DEVNULL) as server:
        if not wait_until_healthy(server, url):
            raise SourceError(
                f"Expected a Prefect server at {url}, found none; is the port free? Try --port."
            )
        yield url


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  # progress, for the person at the terminal
