"""Serve the flows from one foreground process: a Prefect server, the deployments and a worker."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import typer

from flows.alarms import read_notify_url, require_receiver
from flows.environment import PREFIX, read_environment
from flows.failures import require_prefect_settings
from flows.prefect_runtime.runnable import require_runnable
from flows.prefect_runtime.server_process import (
    LOOPBACK,
    open_server_log,
    require_free_port,
    run_child,
    wait_until_healthy,
)
from flows.prefect_runtime.telemetry import TELEMETRY_OFF
from flows.server_access import (
    AUTH_FILE,
    AUTH_VARIABLE,
    SERVER_AUTH_VARIABLE,
    display_server,
    make_auth_string,
    noted_server,
    sole_server,
)
from flows.settings import TICKER_LISTS, load_settings
from flows.sources.training import find_list
from flows.symbols import make_absolute
from forecasting.errors import SourceError, UsageError

POOL = "bandcast"
RESTART_SECONDS = 10
# By itself Prefect deletes old events alone; with this also old runs with their logs and artifacts.
RETENTION = {"PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "true"}
PREFECT = (sys.executable, "-m", "prefect", "--no-prompt")

Environment = Mapping[str, str]


def serve_flows(port: int, *, reset: bool) -> None:
    """Deploy what is missing of `deployments/prefect.yaml` and work on it until interrupted.

    Uses the Prefect server of PREFECT_API_URL; where none is set, starts one on 127.0.0.1 for as long, which
    refuses every request without the auth string of PREFECT_API_AUTH_STRING, or else of the home.

    Args:
        port: Of a server that is started.
        reset: Set everything back to the files in `deployments/`.

    Raises:
        UsageError: A run could not work, another process serves the home, the auth string cannot be stored,
            or the deployments of the server serve another store.
        SourceError: The server does not answer, or refuses the deployments.
    """
    require_prefect_settings()
    from prefect.settings import PREFECT_API_URL

    require_runnable()
    # Without these, systemd's way of stopping leaves server and worker behind.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, signal.default_int_handler)
    environment = build_worker_environment()
    if url := PREFECT_API_URL.value():
        _work(environment | {"PREFECT_API_URL": url}, url.removesuffix("/api"), reset=reset)
        return
    home = load_settings().home.absolute()
    with sole_server(home):
        _serve_locally(home, port, environment, reset=reset)


def _serve_locally(home: Path, port: int, environment: Environment, *, reset: bool) -> None:
    auth_string = choose_auth_string(environment)
    with open_server_log(home) as log, local_server(port, auth_string, log) as url:
        typer.echo(f"The server writes its log to {log.name}", err=True)
        access = {"PREFECT_API_URL": f"{url}/api", AUTH_VARIABLE: auth_string}
        with noted_server(home, f"{url}/api"):
            _work({**environment, **access}, url, reset=reset)


def choose_auth_string(environment: Environment) -> str:
    """Return the auth string of PREFECT_API_AUTH_STRING, or else of the home.

    Raises:
        UsageError: It is of blanks alone, which anybody may guess; or that of the home cannot be had.
    """
    given = environment.get(AUTH_VARIABLE, "")
    if given.isspace():
        raise UsageError(
            f"Expected an auth string in {AUTH_VARIABLE}, found blanks alone; set one, or unset it."
        )
    return given or provide_auth_string()


def provide_auth_string() -> str:
    """Return the auth string of the home; print where it is kept, and a new one itself to a terminal alone.

    Raises:
        UsageError: It cannot be read or stored.
    """
    path = load_settings().home.absolute() / AUTH_FILE
    auth_string, is_new = make_auth_string(path.parent)
    is_private = is_new and sys.stderr.isatty()  # a file or a journal would keep it for others to read
    shown = f": {auth_string}" if is_private else f"; `cat {shlex.quote(str(path))}` prints it."
    typer.echo(f"Log in to the Prefect UI with the text in {path}{shown}", err=True)
    return auth_string


def require_server_url() -> str:
    """Return the API of the server to deploy to.

    Raises:
        UsageError: PREFECT_API_URL is not set.
    """
    require_prefect_settings()
    from prefect.settings import PREFECT_API_URL

    url: str | None = PREFECT_API_URL.value()
    if not url:
        raise UsageError("Expected PREFECT_API_URL of the server to deploy to, found none; set it.")
    return url


def deploy_to_server(url: str, *, reset: bool, dry_run: bool) -> None:
    """Deploy what is missing to a server, for workers elsewhere.

    Args:
        url: Of its API.
        reset: Set everything back to the files in `deployments/`.
        dry_run: Only print what would change.

    Raises:
        UsageError: A run could not work, or the deployments of the server serve another store.
        SourceError: The server does not answer, or refuses.
    """
    require_runnable()
    typer.echo(
        f"{'Would deploy' if dry_run else 'Deploying'} to {display_server(url).removesuffix('/api')}:",
        err=True,
    )
    _deploy(build_worker_environment() | {"PREFECT_API_URL": url}, reset=reset, dry_run=dry_run)


def build_worker_environment() -> dict[str, str]:
    """Return the environment of a worker: `.env`, this environment, absolute paths, and no telemetry.

    Paths are absolute because each run has its own working directory.
    """
    settings = load_settings()
    paths = {
        "BANDCAST_HOME": settings.home,
        "BANDCAST_CSV_DIR": settings.csv_dir,
        "BANDCAST_TRAIN_UNIVERSE": find_list(settings.train_universe),
    }
    absolute = {name: str(path.absolute()) for name, path in paths.items() if path is not None}
    given = read_environment()
    names = [PREFIX + name.upper() for name in TICKER_LISTS]
    lists = {name: make_absolute(given[name]) for name in names if given.get(name)}
    return {**TELEMETRY_OFF, **given, **absolute, **lists, "BANDCAST_DATABASE_URL": settings.url}


def _work(environment: Environment, url: str, *, reset: bool) -> None:
    shown = display_server(url)
    typer.echo(f"Deploying to {shown} ...", err=True)
    _deploy(environment, reset=reset)
    typer.echo(f"Prefect UI: {shown}/deployments  (stop with Ctrl-C)", err=True)
    worker = [*PREFECT, "worker", "start", "--pool", POOL, "--type", "process"]
    while True:
        with run_child(worker, environment) as process:
            process.wait()
        typer.echo(f"The worker ended with code {process.returncode}; starting another.", err=True)
        time.sleep(RESTART_SECONDS)


def _deploy(environment: Environment, *, reset: bool, dry_run: bool = False) -> None:
    """Deploy with the access and the store of an environment; print a line for each change.

    Raises:
        SourceError: The server does not answer, or refuses.
        UsageError: The deployments of the server serve another store; or the URL of alarms is none.
    """
    from flows.prefect_runtime.deploying import deploy

    if notify_url := read_notify_url():
        require_receiver(notify_url)
    changes = deploy(
        environment["PREFECT_API_URL"],
        environment.get(AUTH_VARIABLE),
        store_url=environment["BANDCAST_DATABASE_URL"],
        schedule=load_settings().chosen_schedule,
        notify_url=notify_url,
        reset=reset,
        dry_run=dry_run,
    )
    for line in changes or ["nothing to change"]:
        typer.echo(f"  {line}", err=True)


@contextmanager
def local_server(port: int, auth_string: str, log: IO[bytes] | None = None) -> Iterator[str]:
    """Run a Prefect server on 127.0.0.1 for as long as the block lasts; yield its URL.

    Args:
        port: To listen on.
        auth_string: Without it, the server refuses every request to its API.
        log: Receives its output; None discards it.

    Raises:
        SourceError: The port is taken; or the server did not answer in time, or ended at once.
    """
    require_free_port(port)
    url = f"http://{LOOPBACK}:{port}"
    command = [*PREFECT, "server", "start", "--host", LOOPBACK, "--port", str(port)]
    # Without the first, the pages of a server on another port use the API of the one on 4200.
    pages = {"PREFECT_SERVER_UI_API_URL": f"{url}/api", "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false"}
    access = {
        SERVER_AUTH_VARIABLE: auth_string,
        AUTH_VARIABLE: auth_string,  # for calls of the server to its own API
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"{url},http://localhost:{port}",
    }
    environment = {**TELEMETRY_OFF, **RETENTION, **os.environ, **pages, **access}
    with run_child(command, environment, log or subprocess.DEVNULL) as server:
        if not wait_until_healthy(server, url):
            raise SourceError(f"Expected a Prefect server at {url}, found none; see its log, or try --port.")
        yield url
