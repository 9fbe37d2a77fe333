"""A universe in a Prefect Variable of a real server: each run reads it, and words what is wrong."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.variables import Variable
from served import AUTH_STRING, free_port

from flows.context import resolve_scope
from flows.prefect_runtime.runnable import require_runnable
from flows.prefect_variables import resolve_settings
from flows.server_access import AUTH_FILE, noted_server
from forecasting.errors import SourceError, UsageError

pytestmark = pytest.mark.usefixtures("prefect_url")

NOW = datetime(2024, 6, 7, 22, 30, tzinfo=UTC)


def set_variable(name: str, value: Any) -> None:
    Variable.set(name, value, overwrite=True)


def test_each_run_reads_the_variable_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "KO,@variable:desk")
    set_variable("desk", "aapl, MSFT,KO")
    assert resolve_scope(NOW).tickers == ("KO", "AAPL", "MSFT")
    set_variable("desk", ["IBM", "T,GE"])
    assert resolve_scope(NOW).tickers == ("KO", "IBM", "T", "GE")
    assert resolve_settings(tickers="@variable:desk").tickers == ("IBM", "T", "GE")
    monkeypatch.setenv("BANDCAST_TRAIN_TICKERS", "@variable:desk")
    assert resolve_scope(NOW, tickers=["KO"]).training.tickers == ("IBM", "T", "GE")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", "found none; correct it in the Prefect UI"),
        ({"AAPL": 1}, "found something else; correct it"),
        (["AAPL", 7], "found something else; correct it"),
        ("@variable:desk", "found the name of another one"),
        ("A B", "found another text: Expected symbols such as AAPL"),
    ],
)
def test_a_variable_without_symbols_is_one_sentence(value: Any, found: str) -> None:
    set_variable("desk", value)
    with pytest.raises(
        UsageError, match="Expected symbols in the Prefect Variable 'desk', as a list"
    ) as error:
        resolve_settings(tickers="@variable:desk")
    assert found in str(error.value)


def test_a_variable_that_is_missing_is_one_sentence_that_says_how_to_make_it(prefect_url: str) -> None:
    with pytest.raises(UsageError) as error:
        resolve_scope(NOW, tickers=["@variable:nowhere"])
    assert str(error.value) == (
        f"Expected a Prefect Variable 'nowhere' with symbols at {prefect_url}, found none; make it with "
        "`prefect variable set nowhere AAPL,MSFT` or in the UI, or set PREFECT_API_URL to the server that "
        "has it."
    )


def test_the_server_that_serves_the_home_is_looked_at_too(workplace: Path, prefect_url: str) -> None:
    set_variable("desk", "IBM")
    home = workplace / "home"
    nobody = {PREFECT_API_URL: None, PREFECT_API_AUTH_STRING: None}
    with noted_server(home, prefect_url), temporary_settings(restore_defaults=nobody):
        (home / AUTH_FILE).write_text(AUTH_STRING)
        assert resolve_settings(tickers="@variable:desk").tickers == ("IBM",)
    with (
        temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}),
        pytest.raises(SourceError, match="Expected the Prefect Variable 'desk' at http"),
    ):
        resolve_settings(tickers="@variable:desk")


def test_serve_leaves_the_variable_to_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "@variable:nowhere")
    require_runnable()
