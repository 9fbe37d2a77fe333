"""The wheel, built and installed into an environment of its own."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest
from build.util import project_wheel_metadata

from flows.version import RELEASE

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, out: Path) -> Path:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=source)
    (wheel,) = out.glob("*.whl")
    return wheel


def read_version(source: Path) -> str:
    """Version in the metadata of the wheel that a source would become."""
    return str(project_wheel_metadata(source, isolated=False)["Version"])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    run("git", "clone", "--quiet", ROOT, folder / "bandcast", cwd=folder)
    return folder / "bandcast"


@pytest.fixture(scope="module")
def commit(source: Path) -> str:
    return run("git", "rev-parse", "--short=10", "HEAD", cwd=source).strip()


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment: bandcast from its wheel, its dependencies from ours.

    Our own environment joins by a .pth file, whose folders' .pth files (the editable install's) do not count.
    """
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build(source, folder)
    venv.create(folder / "env")
    binaries = folder / "env" / "bin"
    site = run(
        binaries / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    (Path(site.strip()) / "ours.pth").write_text(sysconfig.get_path("purelib"))
    pip = (sys.executable, "-m", "pip", "--python", binaries / "python")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--no-compile", wheel, cwd=folder)
    return binaries


def test_the_wheel_brings_the_command_the_migrations_and_the_sample(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import forecasting, db, flows; print(db.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed.parent))
    assert "Usage" in run(installed / "bandcast", "--help", cwd=tmp_path)
    assert "migration" in run(installed / "bandcast", "db", "upgrade", cwd=tmp_path)
    assert (tmp_path / ".bandcast" / "bandcast.db").exists()
    sample = "from flows.sources import SampleSource; print(SampleSource().tickers())"
    assert "MSFT" in run(installed / "python", "-c", sample, cwd=tmp_path)
    listed = "from flows.sources.training import read_list; print(len(read_list('us-large')))"
    assert run(installed / "python", "-c", listed, cwd=tmp_path) == "500\n"


def test_an_installed_wheel_names_its_commit(installed: Path, commit: str, tmp_path: Path) -> None:
    assert run(installed / "bandcast", "--version", cwd=tmp_path) == f"bandcast {RELEASE}+g{commit}\n"


def test_a_wheel_from_a_dirty_tree_is_marked_dirty(source: Path, commit: str, tmp_path: Path) -> None:
    run("git", "clone", "--quiet", source, tmp_path / "dirty", cwd=tmp_path)
    with (tmp_path / "dirty" / "README.md").open("a") as readme:
        readme.write("\nChanged.\n")
    assert read_version(tmp_path / "dirty") == f"{RELEASE}+g{commit}.dirty"


def test_a_wheel_without_git_metadata_is_the_plain_release(source: Path, tmp_path: Path) -> None:
    run("git", "archive", "--output", tmp_path / "bandcast.tar", "HEAD", cwd=source)
    with tarfile.open(tmp_path / "bandcast.tar") as archive:
        archive.extractall(tmp_path / "archive", filter="data")
    assert read_version(tmp_path / "archive") == RELEASE
