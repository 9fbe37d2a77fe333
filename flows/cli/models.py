"""`bandcast models`: models and promotion decisions."""

import typer

from flows.cli.options import Json, Source
from flows.cli.output import print_result

app = typer.Typer(help="The models, and the decisions of the promotion test on them.")


@app.callback(invoke_without_command=True)
def models(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """List the models of all sources, or of one: status, training, promotion decision, scores."""
    if context.invoked_subcommand:
        return
    from flows.reporting.models import build_models_sheet, load_models
    from flows.reporting.tables import to_records
    from flows.settings import load_settings

    sheet = build_models_sheet(load_models(load_settings(), source))
    print_result([sheet], to_records(sheet), json=json)


@app.command()
def rollback(source: Source = None) -> None:
    """Make the previous champion active again; the present one is never active again."""
    from flows.reporting.models import roll_back
    from flows.settings import load_settings

    active, taken_back = roll_back(load_settings(source=source))
    typer.echo(f"Model {active} serves; {taken_back} was taken back.")
