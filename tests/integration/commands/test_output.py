"""Standard output that is full, closed, or read only in part; and pictures that cannot be drawn."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db import upgrade_store
from flows.cli import app, main
from flows.failures import LOG_FILE
from flows.settings import load_settings
from forecasting.errors import UsageError

BANDCAST = str(Path(sys.executable).with_name("bandcast"))
SHELL = "/bin/sh"
COMMANDS = (
    "--version",
    "--help",
    "prices check --help",
    "models --json",
    *(
        pytest.param(command, marks=pytest.mark.long)
        for command in ("db upgrade", "models", "prices status", "doctor")
    ),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_without_room_is_one_sentence(workplace: Path, command: str) -> None:
    upgrade_store(load_settings().url)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [BANDCAST, *command.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == (
        "Error: Expected to use standard output, found: No space left on device; "
        "name another, or make room or permit it.\n"
    )
    assert not (workplace / "home" / LOG_FILE).exists()


def test_a_closed_output_is_one_sentence_and_its_number_goes_to_no_file(workplace: Path) -> None:
    done = subprocess.run(
        [SHELL, "-c", f"{BANDCAST} db upgrade >&-"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Expected to use standard output, found: it is closed; ")
    assert done.stderr.count("\n") == 1
    assert not (workplace / "home" / "bandcast.db").exists()


def test_a_reader_may_take_the_first_line_alone() -> None:
    script = f"{BANDCAST} models --help | head -1"
    done = subprocess.run([SHELL, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Usage")
    assert done.stderr == ""


def test_what_cannot_be_encoded_is_written_by_its_number(workplace: Path) -> None:
    folder = workplace / "prices"
    folder.mkdir()
    (folder / "\u00e9.csv").write_text("date,close\n")
    (folder / "AAA.csv").write_text("date,close\n2024-01-02,1\n")
    done = subprocess.run(
        [BANDCAST, "prices", "check", str(folder)],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.split(",")[0]) == (0, "files: 1 of 1")
    assert "\\xe9.csv" in done.stdout


@pytest.mark.parametrize("name", ["x.xyz", "fan", "fan.", ".png", "."])
def test_a_picture_of_no_known_kind_is_refused_before_the_store_is_opened(workplace: Path, name: str) -> None:
    result = CliRunner().invoke(app, ["plot", "--out", name])
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        f"Expected --out to end in .png, .pdf or .svg, found {name}; name a picture."
    )
    assert not (workplace / "home").exists()


@pytest.mark.parametrize("blocked", ["folder", "file"])
def test_a_path_that_cannot_be_used_is_one_sentence_without_a_log(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], blocked: str
) -> None:
    (workplace / "file").write_text("")
    (workplace / "folder").mkdir()
    out = workplace / blocked if blocked == "folder" else workplace / "file" / "rows.csv"

    def write(_: str) -> None:
        out.write_text("rows")

    monkeypatch.setattr("db.upgrade_store", write)
    monkeypatch.setattr(sys, "argv", ["bandcast", "db", "upgrade"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith(f"Error: Expected to use {out}, found: ")
    assert not (workplace / "home" / LOG_FILE).exists()


def test_a_reader_that_goes_away_ends_the_command_without_a_word(workplace: Path) -> None:
    upgrade_store(load_settings().url)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(
            [BANDCAST, "models", "--json"], stdout=output, stderr=subprocess.PIPE, check=False
        )
    assert done.stderr.decode() == ""
    assert not (workplace / "home" / LOG_FILE).exists()
