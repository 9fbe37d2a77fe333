"""The wheel, built and installed into an environment of its own."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment: bandcast from its wheel, its dependencies from ours.

    Our own environment joins by a .pth file, whose folders' .pth files (the editable install's) do not count.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    run("git", "clone", "--quiet", ROOT, source, cwd=folder)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    binaries = folder / "env" / "bin"
    site = run(
        binaries / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    (Path(site.strip()) / "ours.pth").write_text(sysconfig.get_path("purelib"))
    run(binaries / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    return binaries


def test_the_wheel_brings_the_command_the_migrations_and_the_sample(installed: Path, tmp_path: Path) -> None:
    where = run(installed / "python", "-c", "import forecasting, db, flows; print(db.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed.parent))
    assert "Usage" in run(installed / "bandcast", "--help", cwd=tmp_path)
    assert "migration" in run(installed / "bandcast", "db", "upgrade", cwd=tmp_path)
    assert (tmp_path / ".bandcast" / "bandcast.db").exists()
    sample = "from flows.sources import SampleSource; print(SampleSource().tickers())"
    assert "MSFT" in run(installed / "python", "-c", sample, cwd=tmp_path)
