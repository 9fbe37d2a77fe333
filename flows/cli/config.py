"""`bandcast config`: the settings of this installation."""

import typer

from flows.cli.options import Json
from flows.cli.output import print_result

app = typer.Typer(no_args_is_help=True)


@app.callback()
def options() -> None:
    """Show the settings."""


@app.command()
def show(json: Json = False) -> None:
    """Show every setting with its value and origin. The origin is the environment, `.env` or the default."""
    from dataclasses import asdict

    from flows.presentation.settings import build_settings_sheet
    from flows.setting_values import list_settings
    from flows.settings import load_settings

    found = list(list_settings(load_settings()))
    print_result([build_settings_sheet(found)], [asdict(setting) for setting in found], json=json)
