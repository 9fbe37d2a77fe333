"""A Prefect server, and what a person does with it: start a run of a deployment, wait for it, cancel it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import certifi
import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_API_URL,
    PREFECT_HOME,
    temporary_settings,
)
from prefect.states import Cancelling, Scheduled
from workplace import TINY
from yahoo_imitation import Yahoo, serve

from flows.prefect_runtime.deploying import deploy
from flows.prefect_runtime.server import local_server
from flows.server_access import AUTH_VARIABLE

T = TypeVar("T")
AUTH_STRING = "bandcast:of-the-tests"
AFTER_CLOSE, BACKFILL = "daily/after-close", "backfill/on-demand"


def eventually(look: Callable[[], T | None], what: str | Callable[[], str], seconds: float = 240) -> T:
    """Wait until something is found; a function describes what did not come as it is then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.3)
    raise AssertionError(f"waited {seconds} s for {what if isinstance(what, str) else what()}")


@dataclass(frozen=True)
class Served:
    """A server with the deployments of `deployments/prefect.yaml`, and a worker."""

    home: Path
    yahoo: Yahoo
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"sqlite:///{self.home}/bandcast.db"

    @property
    def log(self) -> str:
        return (self.home / "worker.log").read_text()

    def start(
        self,
        deployment: str,
        due: datetime | None = None,
        **parameters: Any,
    ) -> FlowRun:
        with get_client(sync_client=True) as client:
            return client.create_flow_run_from_deployment(
                client.read_deployment_by_name(deployment).id,
                parameters=parameters,
                state=Scheduled(scheduled_time=due) if due else None,
            )

    def state(self, run: FlowRun) -> str | None:
        """The name that the UI shows."""
        with get_client(sync_client=True) as client:
            return client.read_flow_run(run.id).state_name

    def forget(self, run: FlowRun) -> None:
        """Delete a run that has not begun."""
        with get_client(sync_client=True) as client:
            client.delete_flow_run(run.id)

    def finished(self, run: FlowRun) -> FlowRun:
        def look() -> FlowRun | None:
            with get_client(sync_client=True) as client:
                found = client.read_flow_run(run.id)
            return found if found.state and found.state.is_final() else None

        return eventually(look, lambda: f"the end of {run.name}\n{self.log}")

    def run(self, deployment: str, due: datetime | None = None, **parameters: Any) -> FlowRun:
        """Start and wait; it must complete."""
        done = self.finished(self.start(deployment, due, **parameters))
        assert done.state is not None
        assert done.state.is_completed(), f"{done.state.message}\n{self.log}"
        return done

    def cancel(self, run: FlowRun) -> None:
        """Cancel a run and wait for its end."""
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, Cancelling(), force=True)
        state = self.finished(run).state
        assert state is not None
        assert state.is_cancelled(), f"{state.message}\n{self.log}"


def add_schedule(
    client: SyncPrefectClient, deployment: str, slug: str, schedule: CronSchedule, **parameters: Any
) -> None:
    """Add a schedule with parameters of its own to a deployment, as the UI does."""
    added = DeploymentScheduleCreate(schedule=schedule, parameters=parameters, slug=slug)
    client.request(
        "POST",
        "/deployments/{id}/schedules",
        path_params={"id": client.read_deployment_by_name(deployment).id},
        json=[added.model_dump(mode="json", exclude_none=True)],
    )


def runs() -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def write_certificate(folder: Path) -> Path:
    """Write a single root certificate: Prefect's clients read all that they are given, for 40 ms each."""
    path, end = folder / "root.pem", "-----END CERTIFICATE-----\n"
    path.write_text(Path(certifi.where()).read_text().partition(end)[0] + end)
    return path


@contextmanager
def prefect_server(home: Path) -> Iterator[str]:
    """Run a Prefect server whose scheduler is quick, for flows of this process and its children; its API."""
    # A job in the background of a shell ignores it; a Prefect worker that is to stop sends it to itself.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    certificate = write_certificate(home)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
            "PREFECT_SERVER_SERVICES_SCHEDULER_DEPLOYMENT_BATCH_SIZE": "10",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "PREFECT_API_SSL_CERT_FILE": str(certificate),
        }.items():
            patch.setenv(name, value)
        with local_server(free_port(), AUTH_STRING) as url:
            patch.setenv("PREFECT_API_URL", f"{url}/api")
            patch.setenv(AUTH_VARIABLE, AUTH_STRING)
            settings = {
                PREFECT_API_URL: f"{url}/api",
                PREFECT_API_AUTH_STRING: AUTH_STRING,
                PREFECT_API_SSL_CERT_FILE: str(certificate),
                PREFECT_HOME: home,
            }
            with temporary_settings(settings):
                yield f"{url}/api"


@contextmanager
def serve_deployments(home: Path, **settings: str) -> Iterator[Served]:
    """Start all that `bandcast serve` starts beside the server, with prices of a Yahoo on the loopback."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("BANDCAST_")}
    with serve() as yahoo, (home / "worker.log").open("w") as log:
        environment = {
            **others,
            **TINY,
            "BANDCAST_HOME": str(home),
            "BANDCAST_TICKERS": "AAPL,IBM",
            "BANDCAST_YAHOO_URL": yahoo.url,
            "BANDCAST_HISTORY_DAYS": "700",
            "BANDCAST_TRAIN_UNIVERSE": "own",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
            "PREFECT_WORKER_WEBSERVER_PORT": str(free_port()),
            **settings,
        }
        store_url = f"sqlite:///{home}/bandcast.db"
        # Each file of tests has a store of its own on the same server.
        deploy(environment["PREFECT_API_URL"], AUTH_STRING, store_url=store_url, reset=True)
        start = [sys.executable, "-m", "prefect", "worker", "start"]
        command = [*start, "--pool", "bandcast", "--with-healthcheck"]
        worker = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
        yield Served(home, yahoo, environment)
        worker.terminate()
        try:
            worker.wait(60)
        finally:
            worker.kill()  # one that is left behind takes the runs of the next file
