"""`bandcast backfill`."""

from datetime import datetime
from typing import Annotated

import typer

from flows.cli.flow_runs import call_flow
from flows.cli.options import (
    DAY,
    CsvDir,
    DropoutRuns,
    Horizon,
    Json,
    Reissue,
    Seed,
    Source,
    SuccessRatio,
    Tickers,
    build_numbers,
    build_parameters,
    to_day,
)
from flows.cli.output import print_result


def backfill(
    start: Annotated[datetime, typer.Option(formats=DAY, help="First session.")],
    end: Annotated[datetime, typer.Option(formats=DAY, help="Last session.")],
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = None,
    horizon: Horizon = 30,
    dropout_runs: DropoutRuns = None,
    seed: Seed = None,
    success_ratio: SuccessRatio = None,
    force: Annotated[
        bool, typer.Option("--force", help="Make backfilled bands anew; those issued on their day stay.")
    ] = False,
    reissue: Reissue = False,
    json: Json = False,
) -> None:
    """Publish the bands of missed sessions, oldest first, each at most once; run it again to go on."""
    summary = call_flow(
        "backfill",
        **build_parameters(source, csv_dir, tickers),
        **build_numbers(dropout_runs, seed, success_ratio),
        start=to_day(start),
        end=to_day(end),
        horizon=horizon,
        force=force,
        reissue=reissue,
    )
    from flows.presentation.summaries import build_backfill_lines

    print_result(build_backfill_lines(summary), summary.plain(), json=json)
