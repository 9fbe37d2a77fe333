"""Whatever stands in a setting or an option, a command ends with an exit code and without a traceback."""

import random
import sys
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from workplace import enter_workplace

from flows.cli import flow_runs, main
from flows.context import resolve_scope
from flows.environment import PREFIX
from flows.prefect_runtime.flow_support import due
from flows.settings import Settings
from forecasting.errors import SourceError

NUMBERS = ("-", "0", "-1", "1", "0.5", "1e9", "1e400", "nan", "inf", "-inf", "9" * 20, "9" * 5000)
JSONS = ("true", "null", "[]", "[1]", "[0.5,", "{}", '{"horizon":5', '{"levels":[0.5]}', "[" * 50_000)
SYMBOLS = ("AAPL,MSFT", "'AAPL'", "AAPL;MSFT", "M&M.NS", "../x", "\N{ROCKET}", "\u202e", "a" * 300, ",")
WORDS = ("", " ", "yahoo", "csv", "sample", "bloomberg", "None")
DAYS = ("2019-02-30", "0001-01-01", "9999-12-31", "2013-02-22", "20130222")
PATHS = ("/dev/null", "/proc/nope", "x.xyz", "x.png", "x.csv", "~", "/", "a/b/c")
URLS = ("sqlite://", "sqlite:///x.db", "sqlite+aiosqlite:///x.db", "foo://", "postgresql://127.0.0.1:1/x")
VALUES = (*NUMBERS, *JSONS, *SYMBOLS, *WORDS, *DAYS, *PATHS, *URLS)
NAMES = (
    *(PREFIX + name.upper() for name in Settings.model_fields),
    "BANDCAST_SIMULATION__LEVELS",
    "BANDCAST_SIMULATION__HORIZON",
    "BANDCAST_MODEL__TRAINING__MAX_EPOCHS",
    "BANDCAST_TIKCERS",
    "PREFECT_API_URL",
)
COMMANDS = ("show", "prices status --json", "models", "ingest --source sample", "run --source sample")
OPTIONS = """
show --tickers
show --as-of
plot --out
plot --tickers
prices show
prices show IBM --sessions
prices status --tickers
prices status --source
prices check
models --source
replay
ingest --tickers
ingest --as-of
ingest --csv-dir
ingest --source csv --csv-dir
run --source
run --horizon
run --retrain
retrain --as-of
forecast --tickers
backfill --end 2013-03-01 --start
backfill --start 2013-02-22 --end
backtest --source sample --out x.csv --start
backtest --source sample --start 2013-02-22 --out
backtest --source sample --start 2013-02-22 --out x.csv --end
backtest --source sample --start 2013-02-22 --out x.csv --methods
backtest --source sample --start 2013-02-22 --out x.csv --horizons
backtest --source sample --start 2013-02-22 --out x.csv --paths
""".strip().splitlines()


def resolve(_: str, **parameters: Any) -> None:
    """Do what a flow does first, which needs no server: resolve the scope of the run."""
    scope: dict[str, Any] = {name: parameters.get(name) for name in ("tickers", "source", "csv_dir")}
    resolve_scope(due(), parameters.get("as_of") or parameters.get("end"), **scope)
    end_here()


def end_here(*_: Any, **__: Any) -> None:
    """End before the work."""
    raise SourceError("Expected to end here, found the work to begin.")


def choose(rng: random.Random) -> tuple[list[str], dict[str, str]]:
    """Choose a command, and a value of one of its options or of one setting."""
    value = rng.choice(VALUES)
    if rng.random() < 0.5:
        return [*rng.choice(OPTIONS).split(), value], {}
    return rng.choice(COMMANDS).split(), {rng.choice(NAMES): value}


@examples(60)
@given(seed=st.integers(0, 2**32))
def test_a_mutated_setting_or_option_ends_in_no_traceback(
    workplace: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    arguments, environment = choose(random.Random(seed))  # no secret
    with pytest.MonkeyPatch.context() as patch:
        enter_workplace(workplace, patch)
        for name, value in environment.items():
            patch.setenv(name, value)
        for module in (flow_runs, sys.modules["flows.cli.backfill"], sys.modules["flows.cli.verify"]):
            patch.setattr(module, "call_flow", resolve)
        patch.setattr("flows.backtest.run.fetch_universe", end_here)
        patch.setattr(sys, "argv", ["bandcast", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
    printed = capsys.readouterr()
    assert end.value.code in (0, 1, 2), printed.err
    for sign in ("Traceback", "Expected no error", '  File "'):
        assert sign not in printed.err + printed.out, (arguments, environment, printed.err)
