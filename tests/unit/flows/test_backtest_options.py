"""Options of a backtest: resolved and checked before hours are spent."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from flows.backtest.options import (
    LEVELS,
    code_version,
    load_histories,
    require_writable,
    resolve_methods,
    resolve_simulation,
)
from flows.settings import load_settings
from flows.sources import SampleSource
from forecasting.errors import MissingExtraError, SourceError, UnknownTickerError, UsageError


def without(missing: str) -> Callable[[str], bool]:
    """Everything is installed but one package."""
    return lambda package: package != missing


def test_parquet_without_its_library_is_refused_with_the_extra_to_install() -> None:
    require_writable(Path("rows.parquet"))
    require_writable(Path("rows.csv"), without("pyarrow"))
    with pytest.raises(MissingExtraError, match=r"bandcast\[parquet\]"):
        require_writable(Path("rows.parquet"), without("pyarrow"))


def test_the_random_walk_is_always_there_and_garch_where_it_can_run() -> None:
    assert resolve_methods("garch, har") == ("random_walk", "har", "garch")
    assert resolve_methods(None) == ("random_walk", "fhs", "har", "garch")
    assert resolve_methods(None, without("arch")) == ("random_walk", "fhs", "har")
    with pytest.raises(MissingExtraError, match=r"bandcast\[garch\]"):
        resolve_methods("garch", without("arch"))


@pytest.mark.parametrize("paths", [2, 10, 4004])
def test_paths_must_divide_by_the_dropout_runs(paths: int) -> None:
    settings = load_settings()  # four runs, in these tests
    with pytest.raises(UsageError, match=f"multiple of the 4 dropout runs .* found {paths}"):
        resolve_simulation(settings, paths, 30)


def test_paths_are_those_of_all_runs_together() -> None:
    simulation = resolve_simulation(load_settings(), 40, 10)
    assert (simulation.dropout_runs, simulation.noise_paths, simulation.horizon) == (4, 10, 10)
    assert simulation.levels == LEVELS
    assert resolve_simulation(load_settings(), None, 10).noise_paths == 3


def test_a_ticker_without_prices_is_named_and_none_at_all_is_an_error() -> None:
    histories, faults = load_histories(SampleSource(), ["IBM", "NOPE"], date(2005, 1, 3))
    assert list(histories) == ["IBM"]
    assert isinstance(faults["NOPE"], UnknownTickerError)
    assert histories["IBM"].last_session == date(2005, 3, 4)  # outcomes of the last origins
    with pytest.raises(SourceError, match="found none: NOPE"):
        load_histories(SampleSource(), ["NOPE"], date(2005, 1, 3))


def test_the_code_version_is_that_of_what_makes_the_parts() -> None:
    assert code_version() == code_version()
    assert code_version().startswith("0.")
