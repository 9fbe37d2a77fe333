"""`bandcast backtest`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import DAY, PATH, CsvDir, Json, Source, Tickers, to_day
from flows.cli.output import print_line, print_result
from flows.paths import parse_path
from flows.private_files import user_umask

Out = Annotated[
    Path,
    typer.Option(
        parser=parse_path, metavar=PATH, help="Where the rows go: a .parquet, .csv or .csv.gz file."
    ),
]
Start = Annotated[datetime, typer.Option(formats=DAY, help="First session to forecast from.")]
End = Annotated[datetime | None, typer.Option(formats=DAY, help="Last one. [default: the last with prices]")]
Every = Annotated[int, typer.Option(min=1, max=252, help="Sessions between origins.")]
RetrainEvery = Annotated[int, typer.Option(min=1, help="Sessions between fits.")]
WarmUp = Annotated[int, typer.Option(min=0, help="Sessions before --start that only feed the calibration.")]
Horizons = Annotated[str, typer.Option(help="Sessions ahead, separated by commas.")]
Paths = Annotated[int | None, typer.Option(min=2, help="Sample paths of a forecast. [default: 1000]")]
Methods = Annotated[
    str | None,
    typer.Option(help="Baselines beside the random walk: fhs,har,garch. [default: all that can run]"),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes. [default: all cores]")]
Restart = Annotated[bool, typer.Option("--restart", help="Start over; discard finished origins.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the scorecard as Markdown.")]


def backtest(
    out: Out,
    start: Start,
    end: End = None,
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = None,
    every: Every = 5,
    retrain_every: RetrainEvery = 252,
    warm_up: WarmUp = 504,
    horizons: Horizons = "1,5,10,20,30",
    paths: Paths = None,
    methods: Methods = None,
    workers: Workers = None,
    restart: Restart = False,
    markdown: Markdown = False,
    json: Json = False,
) -> None:
    """Walk forward over history with the live code path. Write every band, and print the scorecard."""
    from flows.backtest.options import BacktestOptions
    from flows.backtest.run import run_backtest
    from flows.prefect_variables import resolve_settings
    from flows.presentation.backtest import backtest_to_markdown, backtest_to_plain, build_backtest_parts

    options = BacktestOptions(
        out=out,
        start=to_day(start),
        end=to_day(end),
        every=every,
        retrain_every=retrain_every,
        warm_up=warm_up,
        horizons=horizons,
        paths=paths,
        methods=methods,
        workers=workers,
        restart=restart,
    )
    settings = resolve_settings(source=source, csv_dir=csv_dir, tickers=tickers)
    with user_umask():
        result = run_backtest(options, settings, datetime.now(UTC))
    if markdown and not json:
        print_line(backtest_to_markdown(result))
        return
    print_result(build_backtest_parts(result), backtest_to_plain(result), json=json)
