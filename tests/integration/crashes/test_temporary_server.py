"""The temporary Prefect server of a run: real commands without PREFECT_API_URL, ended in every way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect_database import place_database

BANDCAST = Path(sys.executable).with_name("bandcast")
INGEST = [str(BANDCAST), "ingest", "--tickers", "AAPL", "--json"]
PATIENCE = 60  # seconds, of a machine that is busy


@pytest.fixture(scope="module")
def prefect_home(tmp_path_factory: pytest.TempPathFactory, prefect_template: Path) -> Path:
    home = tmp_path_factory.mktemp("prefect")
    place_database(home, prefect_template)
    return home


@pytest.fixture(autouse=True)
def no_server(workplace: Path, prefect_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Prefect server but what a command starts; they share a database, which takes seconds to set up."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(prefect_home))


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    """Tests that a shell has put into the background ignore SIGINT, and would hand that on to commands."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def list_processes(workplace: Path) -> Iterator[int]:
    """Processes that were started for this workplace: they have its home in their environment."""
    marker = f"BANDCAST_HOME={workplace}/home".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                yield int(folder.name)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # ended just now, or not ours


def start(*command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def require_nothing_left(workplace: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while (left := list(list_processes(workplace))) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert left == []


@pytest.mark.usefixtures("heeds_interrupts")
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
    ],
)
def test_it_ends_with_a_command_that_is_killed_and_nobody_holds_the_pipes(
    workplace: Path, number: signal.Signals
) -> None:
    with start(*INGEST) as command:
        assert command.stderr is not None
        for line in command.stderr:
            if "Beginning flow run" in line:
                break
        assert len(list(list_processes(workplace))) == 2
        command.send_signal(number)
        command.communicate(timeout=PATIENCE)  # returns when the last writer of both pipes has ended
    assert command.returncode != 0
    require_nothing_left(workplace)


def test_no_log_links_to_pages_that_it_does_not_have(workplace: Path) -> None:
    done = subprocess.run(INGEST, capture_output=True, text=True, check=True, timeout=2 * PATIENCE)
    assert "Beginning flow run" in done.stderr
    assert "View at" not in done.stderr
    require_nothing_left(workplace)


def test_it_ends_with_a_run_whose_time_is_up(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_RUN_MINUTES", "0.0001")
    done = subprocess.run(INGEST, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == os.EX_TEMPFAIL
    assert "BANDCAST_RUN_MINUTES" in done.stderr
    require_nothing_left(workplace)


def test_it_ends_with_a_command_that_dies_while_the_server_starts(workplace: Path) -> None:
    code = (
        "from flows.prefect_runtime.temporary_server import temporary_server\n"
        "with temporary_server(): print('started', flush=True); input()"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with command:
        assert command.stdout is not None
        assert command.stdout.readline() == "started\n"
        command.kill()
    require_nothing_left(workplace)


@pytest.mark.long
def test_a_slow_start_is_waited_for(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "1")
    done = subprocess.run(INGEST, capture_output=True, text=True, check=False, timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stderr
    require_nothing_left(workplace)


def test_the_error_of_a_server_that_cannot_start_is_raised(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "sqlite+aiosqlite:////nowhere/prefect.db"
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", nowhere)
    done = subprocess.run(INGEST, capture_output=True, text=True, check=False, timeout=2 * PATIENCE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "Error: Expected a temporary Prefect server at http://127."
    )
    assert "unable to open database file" in done.stderr
    assert "Traceback" not in done.stderr.splitlines()[0]
    require_nothing_left(workplace)


def test_only_its_run_may_use_it(workplace: Path) -> None:
    code = (
        "import urllib.request, prefect.settings as settings\n"
        "from flows.prefect_runtime.temporary_server import temporary_server\n"
        "with temporary_server() as wait:\n"
        "    wait(); urllib.request.urlopen(settings.PREFECT_API_URL.value() + '/admin/version')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "urllib.error.HTTPError: HTTP Error 401: Unauthorized"
    require_nothing_left(workplace)
