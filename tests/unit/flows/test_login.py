"""The login of the server that `serve` starts: shown at a terminal, and to nobody who reads a log."""

import os
import sys
from pathlib import Path

import pytest

from flows.prefect_runtime.server import choose_auth_string, provide_auth_string
from forecasting.errors import UsageError

LINE = "Log in to the Prefect UI with the text in "


def print_to_terminal(monkeypatch: pytest.MonkeyPatch) -> str:
    """Provide the auth string with a terminal as standard error; return what it shows."""
    keyboard, screen = os.openpty()
    with os.fdopen(keyboard, "rb", buffering=0) as reader, os.fdopen(screen, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        provide_auth_string()
        return reader.read(10_000).decode()


def test_a_terminal_shows_a_new_login_once(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workplace / "home" / "prefect-auth"
    assert print_to_terminal(monkeypatch).strip() == f"{LINE}{path}: {path.read_text().strip()}"
    assert print_to_terminal(monkeypatch).strip() == f"{LINE}{path}; `cat {path}` prints it."


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_no_file_and_no_pipe_is_sent_the_login(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("BANDCAST_HOME", str(workplace / "a home"))
    path = workplace / "a home" / "prefect-auth"
    if kind == "file":
        (workplace / "log").touch()
        end = os.open(workplace / "log", os.O_RDONLY)
        start = os.open(workplace / "log", os.O_WRONLY)
    else:
        end, start = os.pipe()
    with os.fdopen(start, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        made = provide_auth_string()
    with os.fdopen(end) as log:
        assert log.read() == f"{LINE}{path}; `cat '{path}'` prints it.\n"
    assert path.read_text() == f"{made}\n"


def test_an_auth_string_of_blanks_is_refused_and_an_empty_one_is_that_of_the_home(workplace: Path) -> None:
    with pytest.raises(UsageError, match="in PREFECT_API_AUTH_STRING, found blanks alone; set one, or unset"):
        choose_auth_string({"PREFECT_API_AUTH_STRING": "  "})
    assert not (workplace / "home").exists()
    assert choose_auth_string({"PREFECT_API_AUTH_STRING": "me:secret"}) == "me:secret"
    kept = choose_auth_string({"PREFECT_API_AUTH_STRING": ""})
    assert kept == (workplace / "home" / "prefect-auth").read_text().strip()
