"""What each entry point does without: a heavy library costs seconds at every start of a process."""

import subprocess
import sys

import pytest

from flows.version import code_version

LIBRARIES = (
    "torch",
    "pytorch_lightning",
    "prefect",
    "pandas",
    "sqlalchemy",
    "matplotlib",
    "yfinance",
    "arch",
)
CLIENTS = ("yfinance", "curl_cffi", "exchange_calendars", "torch")
READERS = ("backtest", "bands", "charts", "models", "prices", "scorecards", "summaries", "tables")
ASK_EVERY_COMMAND = """
from typer.main import get_command
from flows.cli import app
commands = [[]]
for name, command in get_command(app).commands.items():
    commands += [[name], *([name, child] for child in getattr(command, "commands", {}))]
assert len(commands) > 20, commands
for command in commands:
    try: app([*command, "--help"])
    except SystemExit as end: assert not end.code, command
"""
VALUES = ("PriceHistory", "DailyReturns", "Forecast", "SimulationConfig", "BandcastError")


def run_without(code: str, libraries: tuple[str, ...]) -> str:
    """Run code in a process that must not import any of these libraries; return what it printed."""
    check = f"import sys\nfound = {set(libraries)!r} & set(sys.modules)\nassert not found, found"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{check}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("code", "libraries"),
    [
        pytest.param("import forecasting", (*LIBRARIES, "exchange_calendars"), id="the core"),
        pytest.param(
            f"import forecasting\nfor name in {VALUES}: getattr(forecasting, name)",
            ("torch",),
            id="values without a network",
        ),
        pytest.param("import flows.sources", CLIENTS, id="the sources"),
        pytest.param(ASK_EVERY_COMMAND, LIBRARIES, id="the help of every command"),
        pytest.param(
            f"import flows.doctor, flows.backtest.run\nfrom importlib import import_module\n"
            f"for name in {READERS}: import_module(f'flows.presentation.{{name}}')",
            ("prefect",),
            id="what reads the store",
        ),
    ],
)
def test_heavy_libraries_wait_until_they_are_needed(code: str, libraries: tuple[str, ...]) -> None:
    run_without(code, libraries)


def test_the_version_is_told_without_any() -> None:
    code = "from flows.cli import app\ntry: app(['--version'])\nexcept SystemExit as end: assert not end.code"
    assert run_without(code, LIBRARIES) == f"bandcast {code_version()}\n"
