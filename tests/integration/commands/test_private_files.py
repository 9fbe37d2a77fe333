"""What bandcast writes in its home is for its user alone, unless the home is shared on purpose."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import upgrade_store
from flows.private_files import private_files, user_umask

BANDCAST = str(Path(sys.executable).with_name("bandcast"))


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """The umask that most systems have."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """Path -> permissions of everything in a folder, itself included."""
    paths = (folder, *folder.rglob("*"))
    return {str(path.relative_to(folder.parent)): oct(stat.S_IMODE(path.stat().st_mode)) for path in paths}


def test_the_files_of_a_command_are_private(workplace: Path) -> None:
    subprocess.run([BANDCAST, "db", "upgrade"], check=True, capture_output=True)
    assert modes(workplace / "home") == {
        "home": "0o700",
        "home/bandcast.db": "0o600",
        "home/bandcast.db-commits": "0o600",
    }


def test_a_shared_home_follows_the_users_umask(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_SHARE_HOME", "true")
    subprocess.run([BANDCAST, "db", "upgrade"], check=True, capture_output=True)
    assert modes(workplace / "home") == {
        "home": "0o755",
        "home/bandcast.db": "0o644",
        "home/bandcast.db-commits": "0o644",
    }


def test_a_path_that_the_user_named_follows_the_users_umask(workplace: Path) -> None:
    with private_files(), private_files():
        (workplace / "private").touch()
        with user_umask():
            (workplace / "named").touch()
        (workplace / "private-too").touch()
    (workplace / "after").touch()
    with user_umask():
        (workplace / "alone").touch()
    found = {name.partition("/")[2]: mode for name, mode in modes(workplace).items() if "/" in name}
    assert found == {
        "private": "0o600",
        "private-too": "0o600",
        "named": "0o644",
        "after": "0o644",
        "alone": "0o644",
    }


def test_wrong_settings_leave_files_private(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_SHARE_HOME", "perhaps")
    with private_files():
        (workplace / "private").touch()
    assert modes(workplace)[f"{workplace.name}/private"] == "0o600"


def test_settings_of_a_dotenv_are_said_once_by_name_alone(workplace: Path) -> None:
    (workplace / ".env").write_text(
        "BANDCAST_TICKERS=IBM\nBANDCAST_DATABASE_URL=sqlite:///s3cret.db\nBANDCAST_HOME=elsewhere\nOTHER=1\n"
    )
    upgrade_store("sqlite:///s3cret.db")
    done = subprocess.run([BANDCAST, "models", "--json"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == (  # BANDCAST_HOME is in the environment, which goes first
        f"Settings read from {workplace}/.env: BANDCAST_DATABASE_URL, BANDCAST_TICKERS.\n"
    )
    version = subprocess.run([BANDCAST, "--version"], capture_output=True, text=True, check=True)
    assert version.stderr == ""
