"""The README against the product: every command it names exists, and every command is in it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from typer.main import get_command

from db.schema import latest_forecast
from flows.cli import app
from flows.settings import Settings
from forecasting.errors import PriceError

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(?:bash|sh)\n(.*?)```", README, re.DOTALL)
LINES = [line.strip() for block in BLOCKS for line in block.splitlines() if line.strip() and line[0] != "#"]


def commands() -> dict[str, set[str]]:
    """Every command of the CLI with its options."""
    found: dict[str, set[str]] = {}

    def walk(command: object, name: str) -> None:
        children = getattr(command, "commands", None)
        if children is None or (name and getattr(command, "invoke_without_command", False)):
            found[name] = {option for parameter in command.params for option in parameter.opts}  # type: ignore[attr-defined]  # click is untyped here
        for child, sub in (children or {}).items():
            walk(sub, f"{name} {child}".strip())

    walk(get_command(app), "")
    return found


def named_commands() -> list[tuple[str, list[str]]]:
    """Command and options of each `bandcast ...` line of the README."""
    known, found = commands(), []
    for line in LINES:
        words = shlex.split(line, comments=True)
        if "bandcast" not in words:
            continue
        rest = words[words.index("bandcast") + 1 :]
        name = next((" ".join(rest[:n]) for n in (2, 1) if " ".join(rest[:n]) in known), " ".join(rest[:1]))
        found.append((name, [word for word in rest if word.startswith("--")]))
    return found


def reasons(error: type[PriceError]) -> set[str]:
    """Reasons of the errors below one, itself left out."""
    return {reason for each in error.__subclasses__() for reason in ({each.reason} | reasons(each))}


def test_every_command_of_the_readme_exists_with_its_options() -> None:
    known = commands()
    assert len(named_commands()) >= 5
    for name, options in named_commands():
        assert name in known, f"README names `bandcast {name}`"
        assert set(options) <= known[name] | {"--help"}, f"README gives `bandcast {name}` {options}"


def test_every_command_is_in_the_readme() -> None:
    assert set(commands()) <= {name for name, _ in named_commands()}


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target for line in LINES if line.startswith("make ") for target in line.split("#")[0].split()[1:]
    }
    assert {"run", "test"} <= named <= targets


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    assert [name for name in Settings.model_fields if f"`BANDCAST_{name.upper()}`" not in text] == []


def test_every_reason_of_a_quarantine_is_documented() -> None:
    text = (ROOT / "docs" / "prices.md").read_text()
    assert [reason for reason in reasons(PriceError) if f"`{reason}`" not in text] == []


def test_every_column_of_the_newest_bands_is_in_the_readme() -> None:
    assert [column.name for column in latest_forecast.columns if f"`{column.name}`" not in README] == []


def test_every_file_of_the_readme_exists() -> None:
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert linked
    assert [target for target in linked if not (ROOT / target).exists()] == []


def test_the_pandas_query_of_the_readme_runs(tmp_path: Path) -> None:
    snippet = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    environment = os.environ | {"BANDCAST_HOME": str(tmp_path / ".bandcast")}
    bandcast = Path(sys.executable).with_name("bandcast")
    for command in ([str(bandcast), "db", "upgrade"], [sys.executable, "-c", snippet]):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
