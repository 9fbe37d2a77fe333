"""What a person does with a Prefect server: start a run of a deployment, wait for it, cancel it."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelling, Scheduled
from yahoo_imitation import Yahoo

T = TypeVar("T")
AFTER_CLOSE, BACKFILL = "daily/after-close", "backfill/on-demand"


def eventually(look: Callable[[], T | None], what: str, seconds: float = 240) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.3)
    raise AssertionError(f"waited {seconds} s for {what}")


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
        self, deployment: str, due: datetime | None = None, env: dict[str, str] | None = None, **asked: Any
    ) -> FlowRun:
        with get_client(sync_client=True) as client:
            return client.create_flow_run_from_deployment(
                client.read_deployment_by_name(deployment).id,
                parameters=asked,
                state=Scheduled(scheduled_time=due) if due else None,
                job_variables={"env": env} if env else None,
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

        return eventually(look, f"the end of {run.name}\n{self.log}")

    def run(self, deployment: str, due: datetime | None = None, **asked: Any) -> FlowRun:
        """Start and wait; it must complete."""
        done = self.finished(self.start(deployment, due, **asked))
        assert done.state is not None
        assert done.state.is_completed(), f"{done.state.message}\n{self.log}"
        return done

    def cancel(self, run: FlowRun) -> FlowRun:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, Cancelling(), force=True)
        return self.finished(run)


def runs() -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter())


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
