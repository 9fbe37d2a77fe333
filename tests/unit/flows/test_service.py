"""The systemd unit of `bandcast serve`: written, never lost, removed."""

import configparser
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from forecasting.errors import UsageError


@pytest.fixture
def unit(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(workplace / "config"))
    return workplace / "config" / "systemd" / "user" / "bandcast.service"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["service", *arguments])


def test_the_unit_serves_from_this_folder_with_absolute_paths(unit: Path, workplace: Path) -> None:
    result = invoke("install", "--port", "4300")
    assert result.exit_code == 0, result.output
    assert f"Wrote {unit}" in result.stdout
    assert "systemctl --user enable --now bandcast.service" in result.stdout
    found = configparser.ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]  # names of systemd have capitals
    found.read(unit)
    service = found["Service"]
    assert service["ExecStart"] == f'"{Path(sys.executable).with_name("bandcast")}" serve --port 4300'
    assert service["WorkingDirectory"] == str(workplace)
    assert service["Environment"] == f'"BANDCAST_HOME={workplace / "home"}"'
    assert invoke("show", "--port", "4300").stdout == unit.read_text()


def test_a_percent_sign_and_a_quote_of_a_path_mean_themselves(
    unit: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_HOME", str(workplace / 'half "50%"'))
    invoke("install")
    assert f'Environment="BANDCAST_HOME={workplace}/half \\"50%%\\""' in unit.read_text()


def test_a_unit_that_somebody_edited_is_replaced_on_demand_alone(unit: Path) -> None:
    invoke("install")
    assert invoke("install").exit_code == 0  # the same again
    unit.write_text(edited := unit.read_text() + "# mine\n")
    refused = invoke("install")
    assert isinstance(refused.exception, UsageError)
    assert "found one that differs" in str(refused.exception)
    assert unit.read_text() == edited
    assert invoke("install", "--force").exit_code == 0
    assert "# mine" not in unit.read_text()


def test_what_was_removed_is_gone(unit: Path) -> None:
    invoke("install")
    assert "disable --now" in invoke("remove").stdout
    assert not unit.exists()
    assert isinstance(invoke("remove").exception, UsageError)
