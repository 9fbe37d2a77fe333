"""The models and the gate: `bandcast models`."""

import typer

from flows.commands.options import Json, Source, source_name

app = typer.Typer(help="The models, and what the gate said of them.")


@app.callback(invoke_without_command=True)
def models(context: typer.Context, source: Source = None, json: Json = False) -> None:
    """List the models of all sources, or of one: status, training, the gate's decision, scores."""
    if context.invoked_subcommand:
        return
    from flows.reporting.model_list import listed_models, models_json, print_models
    from flows.settings import load_settings

    found = listed_models(load_settings(), source_name(source))
    typer.echo(models_json(found)) if json else print_models(found)


@app.command()
def rollback(source: Source = None) -> None:
    """Let the champion before the present one serve again; the present one never serves again."""
    from flows.reporting.model_list import roll_back
    from flows.settings import load_settings

    serves, taken_back = roll_back(load_settings(source=source_name(source)))
    typer.echo(f"Model {serves} serves; {taken_back} was taken back.")
