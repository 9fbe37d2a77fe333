"""Start of a Prefect server: a free port, and a log of bounded size."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flows.prefect_runtime.server_process import LARGEST_LOG, SERVER_LOG, open_server_log, require_free_port
from forecasting.errors import SourceError


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  # a stranger's server, for a moment
def test_a_port_where_somebody_listens_is_refused(address: str) -> None:
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SourceError, match=f"Expected a free port {port} on 127.0.0.1, found: Address"):
            require_free_port(port)
    require_free_port(port)


def test_a_child_ends_with_a_process_that_is_killed() -> None:
    child = "import time; print('up', flush=True); time.sleep(30); print('left behind', flush=True)"
    parent = (
        "import os, sys\nfrom flows.prefect_runtime.server_process import run_child\n"
        f"with run_child([sys.executable, '-c', {child!r}], os.environ) as process: process.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.kill()
        assert process.stdout.read() == ""  # at the end of both


def test_a_log_that_has_grown_large_gives_way(tmp_path: Path) -> None:
    with open_server_log(tmp_path) as log:
        log.write(b"first\n")
    with open_server_log(tmp_path) as log:
        log.write(b"x" * LARGEST_LOG)
    with open_server_log(tmp_path) as log:
        log.write(b"new\n")
    assert (tmp_path / SERVER_LOG).read_bytes() == b"new\n"
    assert (tmp_path / f"{SERVER_LOG}.1").read_bytes().startswith(b"first\nx")
