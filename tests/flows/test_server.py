"""Deployments on a real Prefect server, run by a real worker."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from reading_store import rows

ROOT = Path(__file__).parents[2]
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]
T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, seconds: float = 240) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds} s for {what}")


@pytest.fixture
def worker(prefect_url: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A work pool, the deployments of deployments/prefect.yaml, and a worker; the folder of its store."""
    home = workplace / "home"
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL,IBM")
    monkeypatch.setenv("BANDCAST_DATABASE_URL", f"sqlite:///{home}/shared.db")
    deploy = [*PREFECT, "deploy", "--all", "--prefect-file", str(ROOT / "deployments" / "prefect.yaml")]
    for command in (
        [*PREFECT, "work-pool", "create", "bandcast", "--type", "process", "--overwrite"],
        deploy,
    ):
        done = subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    with (workplace / "worker.log").open("w") as log:
        process = subprocess.Popen(
            [*PREFECT, "worker", "start", "--pool", "bandcast"],
            cwd=workplace,
            env=os.environ | {"PREFECT_WORKER_QUERY_SECONDS": "1"},
            stdout=log,
            stderr=log,
        )
        yield home
        process.terminate()
        process.wait(60)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def runs() -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter())


def test_the_schedule_makes_runs_and_a_triggered_run_fills_the_table(worker: Path) -> None:
    scheduled = eventually(lambda: [run for run in runs() if run.auto_scheduled] or None, "a scheduled run")
    assert {"after-close", "weekly"} >= {_deployment_of(run) for run in scheduled}

    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("daily/after-close")
        triggered = client.create_flow_run_from_deployment(deployment.id, parameters={"horizon": 3})

    def finished() -> FlowRun | None:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(triggered.id)
        return run if run.state and run.state.is_final() else None

    state = eventually(finished, "the triggered run").state
    log = (worker.parent / "worker.log").read_text()
    assert state is not None
    assert state.is_completed(), f"{state.message}\n{log}"
    url = f"sqlite:///{worker}/shared.db"
    bands = rows("SELECT ticker, count(*) FROM latest_forecast GROUP BY ticker", url)
    assert bands == [("AAPL", 3), ("IBM", 3)]
    assert rows("SELECT flow_run_id FROM forecast_runs", url) == [(str(triggered.id),)]


def test_the_api_refuses_a_horizon_out_of_bounds_before_a_run_exists(worker: Path) -> None:
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("daily/after-close")
        before = len(runs())
        with pytest.raises(Exception, match="31 is greater than the maximum of 30"):
            client.create_flow_run_from_deployment(deployment.id, parameters={"horizon": 31})
    assert len(runs()) == before


def _deployment_of(run: FlowRun) -> str:
    assert run.deployment_id is not None
    with get_client(sync_client=True) as client:
        return client.read_deployment(run.deployment_id).name


def test_serve_starts_a_server_whose_schedules_make_runs(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_HOME"):
        monkeypatch.delenv(name, raising=False)
    port = free_port()
    environment = os.environ | {"PREFECT_HOME": str(workplace / "prefect")}
    script = Path(sys.executable).with_name("bandcast")
    with (workplace / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [script, "serve", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}/api"

    def scheduled() -> set[str] | None:
        assert process.poll() is None, (workplace / "serve.log").read_text()
        try:
            found = httpx.post(f"{url}/flow_runs/filter", json={}).raise_for_status().json()
        except httpx.HTTPError:
            return None
        deployed = {run["deployment_id"] for run in found if run["auto_scheduled"]}
        return deployed if len(deployed) == 2 else None

    try:
        eventually(scheduled, "scheduled runs of both deployments")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")
