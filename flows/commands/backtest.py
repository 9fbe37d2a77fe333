"""`bandcast backtest`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import CsvDir, Json, Source, Tickers, source_name

app = typer.Typer()
DAY = ["%Y-%m-%d"]


@app.command()
def backtest(
    out: Annotated[Path, typer.Option(help="Where the rows go: a .parquet, .csv or .csv.gz file.")],
    start: Annotated[datetime, typer.Option(formats=DAY, help="First session to forecast from.")],
    end: Annotated[
        datetime | None, typer.Option(formats=DAY, help="Last one. [default: the last with prices]")
    ] = None,
    source: Source = None,
    csv_dir: CsvDir = None,
    tickers: Tickers = "",
    every: Annotated[int, typer.Option(min=1, max=252, help="Sessions between origins.")] = 5,
    retrain_every: Annotated[int, typer.Option(min=1, help="Sessions between fits.")] = 252,
    warm_up: Annotated[
        int, typer.Option(min=0, help="Sessions before --start that only feed the calibration.")
    ] = 504,
    horizons: Annotated[str, typer.Option(help="Sessions ahead, with commas between.")] = "1,5,10,20,30",
    paths: Annotated[
        int | None, typer.Option(min=2, help="Sample paths of a forecast. [default: 1000]")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(help="Baselines beside the random walk: fhs,har,garch. [default: all that can run]"),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. [default: all cores]")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew, whatever is finished.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The scorecard as Markdown.")] = False,
    json: Json = False,
) -> None:
    """Walk forward over history with the live code path, keep every band, and print the scorecard."""
    from flows.backtest.options import Request
    from flows.backtest.report import card_json, card_markdown, print_card
    from flows.backtest.run import backtest as walk
    from flows.settings import load_settings

    settings = load_settings(source=source_name(source), csv_dir=csv_dir, tickers=tickers or None)
    last = end.date() if end else None
    request = Request(
        out, start.date(), last, every, retrain_every, warm_up, horizons, paths, methods, workers, restart
    )
    walked = walk(request, settings)
    if json or markdown:
        typer.echo(card_json(walked) if json else card_markdown(walked))
    else:
        print_card(walked)
