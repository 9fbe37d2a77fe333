"""Unforeseen errors: one sentence, and the traceback in a private log of bounded size."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run_main
from prefect.settings.models.logging import LoggingSettings
from pydantic import ValidationError

from flows import failures
from flows.failures import (
    LOG_FILE,
    append_to_log,
    describe_masked,
    format_traceback,
    hide_secrets,
    translate_error,
)
from forecasting.errors import InternalError, StoreError, UsageError

SECRET = "s3cret/p@ss"
URL = "postgresql://me:s3cret%2Fp%40ss@127.0.0.1:1/d"


def raise_unforeseen(*_: object) -> None:
    raise ValueError(f"first line with {SECRET}\x1b[31m\nError: forged {URL}")


@pytest.fixture
def unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that fails in a way nobody foresaw, with the password of the database in its text."""
    monkeypatch.setenv("BANDCAST_DATABASE_URL", URL)
    monkeypatch.setattr("db.upgrade_store", raise_unforeseen)


@pytest.mark.usefixtures("unforeseen")
def test_an_error_that_nobody_foresaw_is_one_sentence_and_its_traceback_is_in_the_log(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, "db", "upgrade") == 1
    printed = capsys.readouterr()
    log = workplace / "home" / LOG_FILE
    assert printed.out == ""
    assert printed.err == (
        "Error: Expected no error, found ValueError: first line with *** Error: forged "
        f"postgresql://***@127.0.0.1:1/d; its traceback is in {log}.\n"
    )
    text = log.read_text()
    assert "Traceback (most recent call last):" in text
    assert "raise_unforeseen" in text
    assert "\x1b" not in text
    assert "s3cret" not in text
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_wrong_setting_of_prefect_is_bad_usage_and_its_value_is_not_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        LoggingSettings.model_validate({"level": SECRET})
    translated = translate_error(caught.value)
    assert isinstance(translated, UsageError)
    assert "PREFECT_*, found a wrong level in LoggingSettings: Input should be 'DEBUG'" in str(translated)
    assert SECRET not in str(translated)


@pytest.mark.parametrize("command", [("ingest",), ("prices", "status", "--tickers", "@variable:mine")])
@pytest.mark.parametrize(
    ("variable", "value", "found"),
    [
        (
            "PREFECT_SERVER_API_PORT",
            "s3cret",
            "a wrong PREFECT_SERVER_API_PORT: Input should be a valid integer",
        ),
        ("PREFECT_LOGGING_LEVEL", "loud", "a wrong PREFECT_LOGGING_LEVEL: Input should be 'DEBUG', "),
        ("PREFECT_CLIENT_CUSTOM_HEADERS", "{s3cret", 'an error parsing value for field "custom_headers"'),
    ],
)
def test_a_wrong_setting_of_prefect_is_named_before_its_import_prints_it(
    workplace: Path, command: tuple[str, ...], variable: str, value: str, found: str
) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("bandcast"), *command],
        env=os.environ | {variable: value, "BANDCAST_SOURCE": "sample"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"Error: Expected valid settings PREFECT_*, found {found}")
    assert "s3cret" not in done.stderr


@pytest.mark.usefixtures("unforeseen")
def test_debug_prints_the_traceback_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, "--debug", "db", "upgrade") == 1
    printed = capsys.readouterr().err
    assert "Traceback (most recent call last):" in printed
    assert "raise_unforeseen" in printed
    assert "s3cret" not in printed
    assert run_main(monkeypatch, "db", "upgrade") == 1  # the option is of one command
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.usefixtures("migrated")
def test_a_foreseen_error_writes_no_log(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, "models", "rollback") == 1
    assert capsys.readouterr().err.startswith("Error: ")
    assert not (workplace / "home" / LOG_FILE).exists()
    assert run_main(monkeypatch, "--debug", "models", "rollback") == 1
    assert StoreError.__name__ in capsys.readouterr().err


@pytest.mark.usefixtures("unforeseen")
def test_a_log_that_cannot_be_written_hides_no_error(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "home").write_text("a file where the folder should be")
    assert run_main(monkeypatch, "db", "upgrade") == 1
    assert "found ValueError" in (printed := capsys.readouterr().err)
    assert printed.endswith("; run the command with `bandcast --debug` for its traceback.\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit(3)])
def test_what_is_no_error_keeps_its_ordinary_end(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def stop(_: str) -> None:
        raise error

    monkeypatch.setattr("db.upgrade_store", stop)
    assert run_main(monkeypatch, "db", "upgrade") == (3 if isinstance(error, SystemExit) else 130)
    assert not (workplace / "home" / LOG_FILE).exists()


def test_the_log_is_bounded(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "LARGEST_LOG", 1000)
    for _ in range(10):
        path = append_to_log(workplace, "x" * 600 + "\n")
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["bandcast.log", "bandcast.log.1"]
    assert all(file.stat().st_size < 2000 for file in files)


def test_a_traceback_names_the_causes_and_has_a_bound() -> None:
    try:
        try:
            raise_unforeseen()
        except ValueError as error:
            raise RuntimeError("x" * 200_000) from error
    except RuntimeError as error:
        text = format_traceback(error)
        sentence = describe_masked(error)
    assert "ValueError: first line" in text
    assert len(text) < 60_000
    assert len(sentence) <= 500


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("BANDCAST_DATABASE_URL", "postgresql://me:s3cret@h/d", "s3cret"),
        ("BANDCAST_DATABASE_URL", "postgresql://me@h/d?password=s3cret", "s3cret"),
        ("BANDCAST_DATABASE_URL", "postgresql:me:s3cret@h/d", "s3cret"),
        ("BANDCAST_DATABASE_URL", "postgresql://me:a@s3cret/t@h/d", "a@s3cret/t"),
        ("PREFECT_API_AUTH_STRING", "me:s3cret", "s3cret"),
        ("PREFECT_API_AUTH_STRING", "s3cret", "s3cret"),
        ("PREFECT_API_KEY", "s3cret", "s3cret"),
        ("PREFECT_API_URL", "http://me:s3cret@h:4200/api", "s3cret"),
        ("PGPASSWORD", "s3cret", "s3cret"),
    ],
)
def test_secrets_of_the_environment_and_of_dotenv_are_hidden_wherever_they_stand(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, secret: str
) -> None:
    monkeypatch.setenv(name, value)
    assert hide_secrets(f"library said: {secret}!") == "library said: ***!"
    monkeypatch.delenv(name)
    if name.startswith("BANDCAST_"):
        (workplace / ".env").write_text(f"{name.lower()}={value}\n")
        assert hide_secrets(f"library said: {secret}!") == "library said: ***!"


def test_a_dotenv_that_cannot_be_read_does_not_break_the_last_resort(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / ".env").write_bytes(b"BANDCAST_TICKERS=\xff\xfe")
    assert run_main(monkeypatch, "db", "upgrade") == 2
    assert "Error: Expected UTF-8 text in " in (printed := capsys.readouterr().err)
    assert printed.count("\n") == 1


def test_an_internal_error_is_one_of_bandcast() -> None:
    assert str(InternalError("KeyError: 'x'", "see the log")) == (
        "Expected no error, found KeyError: 'x'; see the log."
    )
