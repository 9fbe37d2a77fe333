"""The stored bands, shown and drawn."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import Json, Tickers, day

app = typer.Typer()

AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="The newest bands up to this session. [default: of all]"),
]


@app.command()
def show(
    tickers: Tickers = "",
    as_of: AsOf = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every horizon, not only 1, 5, 10, 20 and 30.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the newest bands in the store."""
    from flows.reporting.printing import bands_json, print_bands, stored_bands

    bands = stored_bands(tickers, day(as_of), every=every)
    typer.echo(bands_json(bands)) if json else print_bands(bands)


@app.command()
def plot(
    tickers: Tickers = "",
    as_of: AsOf = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the PNG goes. [default: plots/ in BANDCAST_HOME]")
    ] = None,
) -> None:
    """Draw fan charts of the newest bands; prints the path of the PNG."""
    from flows.reporting.bands import plot_bands
    from flows.settings import load_settings

    settings = load_settings(tickers=tickers or None)
    typer.echo(plot_bands(settings, settings.tickers, out, day(as_of)))
