"""One real Prefect server for all flow tests, and settings that make a run cheap."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from served import Served, free_port
from workplace import TINY, close_store, enter_workplace
from yahoo_imitation import serve

from flows.prefect_runtime.server import deploy, local_server
from flows.steps import models


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("prefect")
    # A job in the background of a shell ignores it; a Prefect worker that is to stop sends it to itself.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
            "PREFECT_SERVER_SERVICES_SCHEDULER_DEPLOYMENT_BATCH_SIZE": "10",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
        }.items():
            patch.setenv(name, value)
        with local_server(free_port()) as url:
            patch.setenv("PREFECT_API_URL", f"{url}/api")
            with temporary_settings({PREFECT_API_URL: f"{url}/api", PREFECT_HOME: home}):
                yield f"{url}/api"


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, with no settings but the tiny ones."""
    enter_workplace(tmp_path, monkeypatch)
    yield tmp_path
    close_store()
    models.model.cache_clear()


@pytest.fixture(scope="module")
def served(prefect_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Everything that `bandcast serve` starts, with prices of a Yahoo on loopback within reach.

    Each file has its own worker and store, so that what one file leaves is nothing to the next.
    """
    home = tmp_path_factory.mktemp("served")
    others = {name: value for name, value in os.environ.items() if not name.startswith("BANDCAST_")}
    with serve() as yahoo, (home / "worker.log").open("w") as log:
        environment = {
            **others,
            **TINY,
            "BANDCAST_HOME": str(home),
            "BANDCAST_TICKERS": "AAPL,IBM",
            "BANDCAST_YAHOO_URL": yahoo.url,
            "BANDCAST_HISTORY_DAYS": "700",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }
        deploy(environment)
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "bandcast"]
        worker = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
        yield Served(home, yahoo, environment)
        worker.terminate()
        try:
            worker.wait(60)
        finally:
            worker.kill()  # one that is left behind takes the runs of the next file
