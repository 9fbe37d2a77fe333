"""Parameters of flows: what is left open is left to the configuration, and one vocabulary is behind them."""

import re
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from flows.prefect_runtime.parameters import Source, Symbols, overrides
from flows.settings import load_settings
from flows.sources.base import is_symbol
from forecasting.errors import UsageError
from forecasting.types import SourceKind, values


def test_what_is_left_open_is_left_to_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "IBM")
    settings = load_settings(**overrides([], "configured", ""))
    assert (settings.tickers, settings.source, settings.csv_dir) == (("IBM",), "sample", None)


def test_what_is_set_holds() -> None:
    settings = load_settings(**overrides(["aapl"], "yahoo", "", horizon=7))
    assert (settings.tickers, settings.source, settings.simulation.horizon) == (("AAPL",), "yahoo", 7)


@pytest.mark.parametrize(("paths", "noise"), [(0, 3), (4, 1), (10, 3), (400, 100)])
def test_paths_are_shared_among_the_dropout_runs(paths: int, noise: int) -> None:
    simulation = load_settings(**overrides([], "configured", "", paths=paths)).simulation
    assert (simulation.dropout_runs, simulation.noise_paths) == (4, noise)


def test_more_paths_than_a_run_can_hold_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        load_settings(**overrides([], "configured", "", paths=100_000))


def test_the_sources_of_forms_and_settings_are_those_of_the_vocabulary() -> None:
    assert get_args(Source) == ("configured", *values(SourceKind))
    for kind in values(SourceKind):
        assert load_settings(source=kind).source == kind


@pytest.mark.parametrize(
    "symbol", ["AAPL", "BRK-B", "^GSPC", "7203.T", "EURUSD=X", "A" * 33, "A B", "A/B", ""]
)
def test_forms_accept_the_symbols_of_the_sources_in_either_case(symbol: str) -> None:
    symbols = TypeAdapter(Symbols)
    for typed in (symbol, symbol.lower()):
        if is_symbol(symbol):
            assert symbols.validate_python([typed]) == [typed]
        else:
            with pytest.raises(ValidationError):
                symbols.validate_python([typed])


def test_the_pattern_of_symbols_is_one_that_a_browser_understands() -> None:
    schema = TypeAdapter(Symbols).json_schema()
    pattern = schema["items"]["pattern"]
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    assert "(?" not in pattern
    assert re.fullmatch(pattern, "brk-b")
