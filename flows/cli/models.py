"""`bandcast models`: models and promotion decisions."""

import typer

from flows.cli.options import Json, Source
from flows.cli.output import print_line, print_sheet

app = typer.Typer()


@app.callback(invoke_without_command=True)
def models(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """List the models of all sources, or of one. Show status, training, promotion decision and scores."""
    if context.invoked_subcommand:
        return
    from db import open_reader
    from flows.presentation.models import load_models_sheet
    from flows.settings import load_settings

    settings = load_settings(source=source)
    with open_reader(settings.url, settings.source) as store:
        sheet = load_models_sheet(store, all_sources=source is None)
    print_sheet(sheet, json=json)


@app.command()
def rollback(source: Source = None) -> None:
    """Make the previous champion serve again. The present one is refused for good."""
    from flows.settings import load_settings
    from flows.steps.rollback import roll_back

    print_line(roll_back(load_settings(source=source)))
