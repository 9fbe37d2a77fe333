"""`bandcast backfill`."""

from datetime import datetime
from typing import Annotated

import typer

from flows.cli import options
from flows.cli.flow_runs import call_flow
from flows.cli.output import print_result


def backfill(
    start: Annotated[datetime, typer.Option(formats=options.DAY, help="First session.")],
    end: Annotated[datetime, typer.Option(formats=options.DAY, help="Last session.")],
    source: options.Source = None,
    csv_dir: options.CsvDir = None,
    tickers: options.Tickers = None,
    horizon: options.Horizon = 30,
    dropout_runs: options.DropoutRuns = None,
    seed: options.Seed = None,
    success_ratio: options.SuccessRatio = None,
    force: Annotated[
        bool, typer.Option("--force", help="Make backfilled bands again; live bands stay.")
    ] = False,
    reissue: options.Reissue = False,
    json: options.Json = False,
) -> None:
    """Publish the bands of missing sessions, oldest first. Each is filled once; repeat it to go on."""
    parameters = options.build_parameters(
        source=source,
        csv_dir=csv_dir,
        tickers=tickers,
        start=start,
        end=end,
        horizon=horizon,
        dropout_runs=dropout_runs,
        seed=seed,
        success_ratio=success_ratio,
        force=force,
        reissue=reissue,
    )
    summary = call_flow("backfill", **parameters)
    from flows.presentation.summaries import build_backfill_lines

    print_result(build_backfill_lines(summary), summary.plain(), json=json)
