"""`bandcast show`."""

from typing import Annotated

import typer

from flows.cli.garbage import without_collection
from flows.cli.options import Json, Source, Tickers, Until, to_day
from flows.cli.output import print_sheet


@without_collection()
def show(
    source: Source = None,
    tickers: Tickers = None,
    as_of: Until = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every horizon, not only 1, 5, 10, 20 and 30.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the newest bands in the store."""
    from db import open_reader
    from flows.prefect_variables import resolve_settings
    from flows.presentation.bands import build_bands_sheet, load_bands, load_expected_reports
    from flows.presentation.tables import STORED_DIGITS
    from forecasting.config import MAIN_HORIZONS

    settings = resolve_settings(source=source, tickers=tickers)
    with open_reader(settings.url, settings.source) as store:
        bands = load_bands(store, settings.tickers, to_day(as_of), horizons=None if every else MAIN_HORIZONS)
        reports = load_expected_reports(store, bands, settings.known_ahead)
    if without := sorted(set(settings.tickers) - set(bands["ticker"])):
        typer.echo(f"No stored bands of {', '.join(without)}.", err=True)
    sheet = build_bands_sheet(bands, reports)
    print_sheet(sheet, json=json, digits=STORED_DIGITS)
