"""Parameters of flows: what is left open is left to the configuration, and one vocabulary is behind them."""

import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from prefect.utilities.schema_tools import ValidationError as SchemaError
from prefect.utilities.schema_tools import validate
from pydantic import TypeAdapter, ValidationError

from flows.cli.options import build_parameters
from flows.prefect_runtime.parameters import (
    DropoutRuns,
    Epochs,
    Horizon,
    Source,
    SuccessRatio,
    Symbols,
    overrides,
)
from flows.settings import load_settings
from forecasting.errors import SymbolError, UsageError
from forecasting.text import is_symbol
from forecasting.types import SourceKind, values

NO_SYMBOLS = (
    "A" * 33,
    "A B",
    "A/B",
    "../A",
    "A\tB",
    "A\u200bB",
    "A\u202eB",
    "\x1b[31mA",
    "[LINK=X]A",
    "<B>A</B>",
    "A|B",
    "$A$",
    "-A",
)


def test_what_is_left_open_is_left_to_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "IBM")
    settings = load_settings(**overrides(tickers=[], source="configured", csv_dir=""))
    assert (settings.tickers, settings.source, settings.csv_dir) == (("IBM",), "sample", None)


def test_what_is_set_holds() -> None:
    settings = load_settings(**overrides(tickers=["aapl"], source="yahoo", csv_dir="", horizon=7))
    assert (settings.tickers, settings.source, settings.simulation.horizon) == (("AAPL",), "yahoo", 7)


@pytest.mark.parametrize(("paths", "noise"), [(0, 3), (4, 1), (10, 3), (400, 100)])
def test_paths_are_shared_among_the_dropout_runs(paths: int, noise: int) -> None:
    simulation = load_settings(**overrides(source="configured", paths=paths)).simulation
    assert (simulation.dropout_runs, simulation.noise_paths) == (4, noise)


def test_values_of_a_form_go_before_the_settings_and_leave_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BANDCAST_MODEL__TRAINING__PATIENCE", "3")
    chosen = overrides(source="configured", horizon=7, dropout_runs=9, seed=11, success_ratio=0.9)
    settings = load_settings(**chosen, epochs=5, train_tickers=["ko,IBM"])
    simulation, training = settings.simulation, settings.model.training
    assert (simulation.horizon, simulation.dropout_runs, simulation.noise_paths) == (7, 9, 3)
    assert (simulation.seed, training.seed) == (11, 11)
    assert (training.max_epochs, training.patience, training.history_sessions) == (5, 3, 300)
    assert (settings.min_success_ratio, settings.train_tickers) == (0.9, ("KO", "IBM"))
    nothing = overrides(tickers=[], source="configured", csv_dir="", dropout_runs=0, seed=0, success_ratio=0)
    assert load_settings(**nothing) == load_settings()


@pytest.mark.parametrize(
    ("setting", "form", "values"),
    [
        ("dropout_runs", DropoutRuns, {0: True, 1: False, 2: True, 1000: True, 1001: False, -1: False}),
        ("epochs", Epochs, {0: True, 1: True, 10_000: True, 10_001: False, -1: False}),
        ("min_success_ratio", SuccessRatio, {0: True, 0.01: True, 1: True, 1.01: False, -0.1: False}),
        ("horizon", Horizon, {0: False, 1: True, 30: True, 31: False}),
    ],
)
def test_a_form_refuses_what_the_settings_refuse(setting: str, form: Any, values: dict[float, bool]) -> None:
    """The API checks the schema before a run exists, the flow its parameters, the run its settings."""
    adapter = TypeAdapter(form)
    schema = adapter.json_schema()
    checks: dict[str, Callable[[float], object]] = {
        "schema": lambda value: validate(
            {"field": value}, {"properties": {"field": schema}}, raise_on_error=True
        ),
        "form": adapter.validate_python,
        "settings": lambda value: load_settings(**{setting: value or None}),
    }
    for name, check in checks.items():
        for value, is_accepted in values.items():
            if is_accepted:
                check(value)
            elif value or name != "settings":  # where zero leaves a setting as it is
                with pytest.raises((ValidationError, UsageError, SchemaError)):
                    check(value)


def test_more_paths_than_a_run_can_hold_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        load_settings(**overrides(source="configured", paths=100_000))


def test_the_sources_of_forms_and_settings_are_those_of_the_vocabulary() -> None:
    assert get_args(Source) == ("configured", *values(SourceKind))
    for kind in values(SourceKind):
        assert load_settings(source=kind).source == kind


@pytest.mark.parametrize(
    "symbol",
    ["AAPL", "BRK-B", "^GSPC", "0005.HK", "EURUSD=X", "CL=F", "BF.B", "M&M.NS", *NO_SYMBOLS],
)
def test_forms_options_and_settings_accept_the_same_symbols_in_either_case(
    monkeypatch: pytest.MonkeyPatch, symbol: str
) -> None:
    symbols = TypeAdapter(Symbols)
    for typed in (symbol, symbol.lower()):
        monkeypatch.setenv("BANDCAST_TRAIN_TICKERS", typed)
        if is_symbol(symbol):
            assert symbols.validate_python([typed]) == [typed]
            assert build_parameters(tickers=typed)["tickers"] == [symbol]
            assert load_settings(tickers=typed).train_tickers == (symbol,)
        else:
            with pytest.raises(ValidationError):
                symbols.validate_python([typed])
            for read in (load_settings, lambda: build_parameters(tickers=symbol)):
                with pytest.raises(SymbolError, match="Expected symbols such as AAPL"):
                    read()


def test_an_entry_of_a_form_may_be_several_symbols_with_commas_between() -> None:
    given = ["aapl, MSFT,KO", "@variable:desk", "@/srv/desk a.csv,IBM "]
    assert TypeAdapter(Symbols).validate_python(given) == given
    assert load_settings(tickers=given[:2]).tickers == ("AAPL", "MSFT", "KO", "@variable:desk")
    for wrong in ("AAPL,", ",AAPL", "AAPL,A B", "AAPL;MSFT", "@, AAPL", ""):
        with pytest.raises(ValidationError):
            TypeAdapter(Symbols).validate_python([wrong])


def test_only_known_symbols_pass() -> None:
    assert not any(is_symbol(text) for text in NO_SYMBOLS)
    assert is_symbol("M&M.NS")


def test_a_wrong_symbol_of_the_settings_is_named_cleaned_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL,\x1b[31mEvil\nforged\u202e" + "x" * 500)
    with pytest.raises(SymbolError, match=r"found 'Evil forgedx+ \.\.\. x+'") as caught:
        load_settings()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_the_pattern_of_symbols_is_one_that_a_browser_understands() -> None:
    schema = TypeAdapter(Symbols).json_schema()
    pattern = schema["items"]["pattern"]
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    assert "(?" not in pattern
    assert re.fullmatch(pattern, "brk-b")
