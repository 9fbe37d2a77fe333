"""`bandcast config`: the settings of this installation."""

import typer

from flows.cli.options import Json
from flows.cli.output import print_result

app = typer.Typer(no_args_is_help=True, help="Settings: their values, and who has set them.")


@app.callback()
def options() -> None:
    """Settings: their values, and who has set them."""


@app.command()
def show(json: Json = False) -> None:
    """Show every setting, its value, and who has set it. That is the environment, `.env` or nobody."""
    from dataclasses import asdict

    from flows.presentation.settings import build_settings_sheet
    from flows.setting_values import list_settings
    from flows.settings import load_settings

    found = list(list_settings(load_settings()))
    print_result([build_settings_sheet(found)], [asdict(setting) for setting in found], json=json)
