"""`bandcast replay`."""

from typing import Annotated

import typer

from flows.cli.options import Json
from flows.cli.output import print_result
from flows.failures import require_prefect_settings


def replay(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, as `bandcast run` prints it.")],
    json: Json = False,
) -> None:
    """Repeat a past run from the store. Exit code 1 if any row differs."""
    require_prefect_settings()
    from db import open_reader
    from flows.presentation.summaries import build_replay_lines
    from flows.settings import load_settings
    from flows.steps.replay import replay_run

    settings = load_settings()
    with open_reader(settings.url, settings.source) as store:
        symbols, known_ahead = dict(settings.calendars), settings.earnings_known_ahead
        result = replay_run(store, run_id, symbols, known_ahead=known_ahead)
    print_result(build_replay_lines(result), result.plain(), json=json)
    if not result.equal:
        raise typer.Exit(1)
