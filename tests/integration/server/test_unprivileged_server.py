"""The server of the image, without a container: its user may not write where Prefect unpacks its pages."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from health import check_health
from served import free_port

from flows.prefect_runtime.server_process import run_child, wait_until_healthy

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests" / "helpers" / "unprivileged_server.py"
OF_THE_IMAGE = "PREFECT_SERVER_UI_STATIC_DIRECTORY=/tmp/prefect-pages"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may write nothing")


@contextmanager
def open_server(folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """Start a server as `nobody`, in a folder that all may write to; yield its URL when it answers."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment = {
        **others,
        "HOME": str(folder),
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",  # it is asked for pages and health alone
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        **settings,
    }
    port = free_port()
    command = [sys.executable, str(SCRIPT), str(port)]
    with (folder / "log").open("wb") as log, run_child(command, environment, log) as process:
        url = f"http://127.0.0.1:{port}"
        assert wait_until_healthy(process, url), (folder / "log").read_text()
        yield url


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that all may write to; pytest's own is shut to `nobody`."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o777)
        yield Path(made)


def test_the_setting_of_the_image_brings_the_pages_to_a_user_who_cannot_write_to_the_packages(
    folder: Path,
) -> None:
    name, _, path = OF_THE_IMAGE.partition("=")
    assert OF_THE_IMAGE in (ROOT / "deployments" / "Dockerfile").read_text()
    with open_server(folder, {name: str(folder / Path(path).name)}) as url:
        with urlopen(f"{url}/") as page:
            assert page.headers.get_content_type() == "text/html"
            assert "Prefect" in page.read().decode()
        done = check_health(f"{url}/", f"{url}/api/ready")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.long
def test_without_it_the_api_answers_and_the_health_check_names_the_page(folder: Path) -> None:
    with open_server(folder, {}) as url:
        done = check_health(f"{url}/", f"{url}/api/ready")
    assert (done.returncode, done.stderr) == (1, f"{url}/: HTTP Error 404: Not Found\n")
