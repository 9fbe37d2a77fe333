"""What became of the bands."""

from typing import Annotated

import typer

from flows.commands.options import Json, Source, Tickers, source_name

app = typer.Typer()


@app.command()
def verify(source: Source = None, tickers: Tickers = "", json: Json = False) -> None:
    """Score every band whose target session has closed; print coverage by horizon, ticker and regime."""
    from flows.reporting.scorecards import print_scorecards, scorecards_json, verify_store
    from flows.settings import load_settings

    found = verify_store(load_settings(source=source_name(source), tickers=tickers or None))
    typer.echo(scorecards_json(found)) if json else print_scorecards(found)


@app.command()
def replay(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, as `bandcast run` prints it.")],
    json: Json = False,
) -> None:
    """Make a past run again from the store; says whether every row is bit-equal, exit code 1 if not."""
    from flows.settings import load_settings
    from flows.steps.replay import print_replay, replay_json, replay_run

    replayed = replay_run(load_settings(), run_id)
    typer.echo(replay_json(replayed)) if json else print_replay(replayed)
    if not replayed.equal:
        raise typer.Exit(1)
