"""What a form leaves open, and what a run makes of it."""

from datetime import date

import numpy as np
import pytest

from flows.prefect_runtime.parameters import overrides
from flows.reporting.artifacts import markdown_table
from flows.settings import load_settings
from flows.steps.missing_sessions import lacking, sessions_of
from forecasting.errors import UsageError


def test_what_a_form_leaves_open_is_left_to_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "IBM")
    settings = load_settings(**overrides([], "configured", ""))
    assert (settings.tickers, settings.source, settings.csv_dir) == (("IBM",), "sample", None)


def test_what_a_form_sets_holds() -> None:
    settings = load_settings(**overrides(["aapl"], "yahoo", "", horizon=7))
    assert (settings.tickers, settings.source, settings.simulation.horizon) == (("AAPL",), "yahoo", 7)


@pytest.mark.parametrize(("paths", "noise"), [(0, 3), (4, 1), (10, 3), (400, 100)])
def test_paths_are_shared_among_the_dropout_runs(paths: int, noise: int) -> None:
    simulation = load_settings(**overrides([], "configured", "", paths=paths)).simulation
    assert (simulation.dropout_runs, simulation.noise_paths) == (4, noise)


def test_more_paths_than_a_run_can_hold_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        load_settings(**overrides([], "configured", "", paths=100_000))


def test_sessions_are_those_of_any_exchange_and_a_ticker_lacks_only_its_own() -> None:
    days = sessions_of(["AAPL", "7203.T", "NO.SUCH"], date(2024, 5, 24), date(2024, 5, 28))
    assert days == [date(2024, 5, 24), date(2024, 5, 27), date(2024, 5, 28)]
    memorial_day = days[1]
    assert lacking(["AAPL", "7203.T"], memorial_day, set()) == ("7203.T",)
    assert lacking(["AAPL", "7203.T"], days[2], {("AAPL", days[2])}) == ("7203.T",)


def test_a_table_in_markdown_has_neither_nan_nor_infinity() -> None:
    rows = [{"h": 1, "x": 0.5}, {"h": 5, "x": np.nan}, {"h": 10, "x": np.inf}]
    assert markdown_table(rows).splitlines() == [
        "| h | x |",
        "| --- | --- |",
        "| 1 | 0.500 |",
        "| 5 |  |",
        "| 10 |  |",
    ]
    assert markdown_table([]) == ""
