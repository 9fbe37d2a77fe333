"""Commands that need no server: usage, settings, the database, and what the store holds."""

import os
from pathlib import Path

import pytest
from command_line import run_main
from typer.testing import CliRunner, Result

from db import inspect_store
from flows.cli import app
from flows.settings import load_settings
from forecasting.errors import NoStoreError, StoreError, UsageError
from forecasting.types import Retrain, SourceKind, values

COMMANDS = (
    "run",
    "ingest",
    "retrain",
    "forecast",
    "show",
    "plot",
    "verify",
    "replay",
    "backtest",
    "serve",
    "deploy",
    "backfill",
    "doctor",
    "db upgrade",
    "prices status",
    "prices show",
    "prices forget",
    "exchanges",
    "service",
    "service install",
    "service remove",
    "models",
    "models rollback",
)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = invoke(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output
    assert "Raises:" not in result.output


@pytest.mark.parametrize("group", ["", "db", "prices", "models", "config", "service"])
def test_a_list_of_commands_cuts_no_sentence(group: str) -> None:
    listed = invoke(*group.split(), "--help").output.partition("Commands:")[2].splitlines()
    assert listed
    assert [line for line in listed if line.endswith("...")] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--source", "bloomberg"],
        ["run", "--horizon", "31"],
        ["run", "--as-of", "yesterday"],
        ["run", "--retrain", "sometimes"],
        ["fly"],
        ["show", "--tickers"],
    ],
    ids=" ".join,
)
def test_bad_usage_exits_with_2_and_prints_nothing_on_standard_output(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("command", "meaning"),
    [
        ("run", "Session to forecast from."),
        ("ingest", "Last session to fetch."),
        ("retrain", "Last session that training may see."),
    ],
)
def test_the_help_of_as_of_says_what_the_command_does_with_it(command: str, meaning: str) -> None:
    assert meaning in " ".join(invoke(command, "--help").output.split())


@pytest.mark.parametrize(
    ("option", "words"), [("--source", values(SourceKind)), ("--retrain", values(Retrain))]
)
def test_the_choices_of_an_option_are_those_of_the_vocabulary(option: str, words: tuple[str, ...]) -> None:
    result = invoke("run", option, "none")
    assert all(f"'{word}'" in result.stderr for word in words)


def test_a_setting_out_of_bounds_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "7")
    result = invoke("db", "upgrade")
    assert isinstance(result.exception, UsageError)
    assert "BANDCAST_MIN_SUCCESS_RATIO" in str(result.exception)


def test_an_error_is_one_sentence_and_bad_usage_another_exit_code(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, "show") == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(
        f"Error: Expected a store at sqlite:///{workplace}/home/bandcast.db, found none; run `bandcast run`"
    )
    invoke("db", "upgrade")
    assert run_main(monkeypatch, "models", "rollback") == 1


def test_the_program_turns_telemetry_off_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    monkeypatch.delenv("PREFECT_SERVER_ANALYTICS_ENABLED", raising=False)
    assert run_main(monkeypatch, "--help") == 0
    assert os.environ["DO_NOT_TRACK"] == "0"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


@pytest.mark.usefixtures("no_server")
def test_a_deployment_to_no_server_leaves_the_database_as_it_was(workplace: Path) -> None:
    result = invoke("deploy")
    assert isinstance(result.exception, UsageError)
    assert "PREFECT_API_URL" in str(result.exception)
    assert not (workplace / "home" / "bandcast.db").exists()


def test_db_upgrade_makes_the_default_database(workplace: Path) -> None:
    result = invoke("db", "upgrade")
    assert (workplace / "home" / "bandcast.db").exists()
    status = inspect_store(load_settings().url)
    assert status.is_current
    assert result.output == f"The database is at migration {status.needed}.\n"


def test_verify_runs_no_flow_where_nothing_was_issued() -> None:
    invoke("db", "upgrade")
    result = invoke("verify", "--source", "yahoo")
    assert result.output == "Scored 0 bands now; 0 issued bands have closed.\n"


def test_there_is_no_model_to_roll_back_to_in_an_empty_store() -> None:
    invoke("db", "upgrade")
    assert isinstance(invoke("models", "rollback").exception, StoreError)


@pytest.mark.parametrize("command", ["db prune", "prices forget IBM", "models rollback"])
def test_what_changes_a_store_needs_one(workplace: Path, command: str) -> None:
    error = invoke(*command.split()).exception
    assert isinstance(error, NoStoreError)
    assert f"{workplace}/home/bandcast.db, found none; run `bandcast run` first" in str(error)
    assert not (workplace / "home").exists()
