"""The stored bands, shown and drawn."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import Json, Tickers

app = typer.Typer()


@app.command()
def show(
    tickers: Tickers = "",
    every: Annotated[
        bool, typer.Option("--all", help="Every horizon, not only 1, 5, 10, 20 and 30.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the newest bands in the store."""
    from flows.printing import bands_json, print_bands, stored_bands

    bands = stored_bands(tickers, every=every)
    typer.echo(bands_json(bands)) if json else print_bands(bands)


@app.command()
def plot(
    tickers: Tickers = "",
    out: Annotated[
        Path | None, typer.Option(help="Where the PNG goes. [default: plots/ in BANDCAST_HOME]")
    ] = None,
) -> None:
    """Draw fan charts of the newest bands; prints the path of the PNG."""
    from flows.bands import plot_bands
    from flows.settings import load_settings

    settings = load_settings(tickers=tickers or None)
    typer.echo(plot_bands(settings, settings.tickers, out))
