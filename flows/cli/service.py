"""`bandcast service`: keep `bandcast serve` running in the background, under systemd."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Port
from flows.cli.output import print_line
from forecasting.errors import UsageError

UNIT_NAME = "bandcast.service"
UNIT = """\
[Unit]
Description=bandcast: forecast bands of stock prices, on schedule
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={command} serve --port {port}
WorkingDirectory={folder}
Environment={home}
Restart=on-failure
RestartSec=30
# The worker gives its runs half a minute to end.
TimeoutStopSec=90
KillMode=mixed

[Install]
WantedBy=default.target
"""
SYSTEMCTL = "systemctl --user"

app = typer.Typer(
    no_args_is_help=True, help="Keep `bandcast serve` running in the background, under systemd."
)


@app.command()
def show(port: Port = 4200) -> None:
    """Print the unit file that `install` would write. It serves from this folder and its home."""
    print_line(make_unit(port).rstrip())


@app.command()
def install(
    port: Port = 4200,
    force: Annotated[bool, typer.Option("--force", help="Replace a unit file that differs.")] = False,
) -> None:
    """Write a systemd unit of this user, and print how to start it."""
    path, unit = find_unit_file(), make_unit(port)
    if path.exists() and path.read_text() != unit and not force:
        raise UsageError(f"Expected no other {path}, found one that differs; see it, then use --force.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(unit)
    except OSError as error:
        raise UsageError(f"Expected to write {path}, found {error.strerror}.") from error
    print_line(f"Wrote {path}. To start it now and with the machine, and to read its log:")
    for line in (
        f"{SYSTEMCTL} daemon-reload",
        f"{SYSTEMCTL} enable --now {UNIT_NAME}",
        "loginctl enable-linger",
        f"journalctl --user --unit {UNIT_NAME} --follow",
    ):
        print_line(f"  {line}")


@app.command()
def remove() -> None:
    """Delete the systemd unit of this user. Then print how to stop it."""
    path = find_unit_file()
    try:
        path.unlink()
    except FileNotFoundError:
        raise UsageError(f"Expected {path}, found no file; there is nothing to remove.") from None
    print_line(f"Deleted {path}. To stop what it started:")
    for line in (f"{SYSTEMCTL} disable --now {UNIT_NAME}", f"{SYSTEMCTL} daemon-reload"):
        print_line(f"  {line}")


def find_unit_file() -> Path:
    """Return the path of this user's unit file (XDG base directories, `XDG_CONFIG_HOME`)."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "systemd" / "user" / UNIT_NAME


def make_unit(port: int) -> str:
    """Return a unit file that serves from this folder with absolute paths.

    Raises:
        UsageError: The settings are wrong.
    """
    from flows.settings import load_settings

    home = load_settings().home.absolute()
    return UNIT.format(
        command=_quote(str(Path(sys.executable).with_name("bandcast"))),
        port=port,
        folder=str(Path.cwd()).replace("%", "%%"),
        home=_quote(f"BANDCAST_HOME={home}"),
    )


def _quote(text: str) -> str:
    """Quote a word for systemd (systemd.syntax(7)): percent signs and dollars mean something to it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
