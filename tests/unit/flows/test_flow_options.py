"""Options of the commands that run a flow: the same names and bounds as the fields of its form."""

import inspect
from importlib import import_module
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from flows.cli import app, flow_runs
from forecasting.errors import SourceError

FIELDS = {"dropout_runs", "seed", "success_ratio", "train_tickers", "epochs"}
FLOWS = {"run": "daily", "retrain": "retrain", "forecast": "forecast", "backfill": "backfill"}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Parameters that the last command has called a flow with."""
    parameters: dict[str, Any] = {}

    def remember(name: str, **chosen: Any) -> None:
        parameters.update(chosen)
        raise SourceError(f"Expected to end here, found {name} to begin.")

    monkeypatch.setattr(flow_runs, "call_flow", remember)
    monkeypatch.setattr("flows.cli.backfill.call_flow", remember)
    return parameters


@pytest.mark.parametrize(("command", "flow"), FLOWS.items())
def test_a_command_has_an_option_for_each_of_these_fields(command: str, flow: str) -> None:
    function = getattr(import_module(f"flows.{flow}"), flow)
    options = {option.name for option in typer.main.get_command(app).commands[command].params}  # type: ignore[attr-defined]  # of a group
    assert options & FIELDS == set(inspect.signature(function.fn).parameters) & FIELDS


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        (
            "run --dropout-runs 9 --seed 11 --success-ratio 0.9 --train-tickers ko,IBM",
            {"dropout_runs": 9, "seed": 11, "success_ratio": 0.9, "train_tickers": ["KO", "IBM"]},
        ),
        ("run", {}),
        (
            "retrain --seed 11 --epochs 5 --train-tickers ko",
            {"seed": 11, "epochs": 5, "train_tickers": ["KO"]},
        ),
        ("retrain", {}),
        (
            "forecast --dropout-runs 9 --seed 11 --success-ratio 1",
            {"dropout_runs": 9, "seed": 11, "success_ratio": 1},
        ),
        (
            "backfill --dropout-runs 9 --seed 11 --start 2013-02-22 --end 2013-03-01",
            {"dropout_runs": 9, "seed": 11},
        ),
    ],
)
def test_an_option_reaches_the_flow(given: dict[str, Any], command: str, fields: dict[str, Any]) -> None:
    result = CliRunner().invoke(app, command.split())
    assert isinstance(result.exception, SourceError)
    assert {name: given[name] for name in FIELDS & set(given)} == fields


@pytest.mark.parametrize(
    "wrong",
    ["--dropout-runs 1", "--dropout-runs 1001", "--seed 0", "--success-ratio 1.1", "--horizon 31"],
)
def test_a_value_out_of_bounds_is_bad_usage(given: dict[str, Any], wrong: str) -> None:
    assert CliRunner().invoke(app, ["run", *wrong.split()]).exit_code == 2
    assert not given
