"""`bandcast prices`: the price store, and the files that go into it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Json, Source, Tickers
from flows.cli.output import print_result

app = typer.Typer(no_args_is_help=True, help="The price store, and price files.")


@app.command()
def status(source: Source = None, tickers: Tickers = None, json: Json = False) -> None:
    """Show what the store holds of each ticker: sessions, gaps, corrections, quarantine."""
    from db import open_store
    from flows.reporting.prices import load_status_sheet
    from flows.reporting.tables import to_records
    from flows.settings import load_settings

    settings = load_settings(source=source, tickers=tickers)
    with open_store(settings.url, settings.source) as store:
        sheet = load_status_sheet(store, settings.tickers)
    print_result([sheet], to_records(sheet), json=json)


@app.command()
def show(
    ticker: Annotated[str, typer.Argument(help="The symbol.")],
    source: Source = None,
    sessions: Annotated[int, typer.Option(min=1, help="How many of the last sessions.")] = 20,
    json: Json = False,
) -> None:
    """Show a ticker's last bars as traded, its splits and dividends, and every correction."""
    from db import open_store
    from flows.reporting.prices import build_prices_sheet, load_prices, prices_to_plain
    from flows.settings import load_settings, parse_ticker

    settings = load_settings(source=source)
    symbol = parse_ticker(ticker)
    with open_store(settings.url, settings.source) as store:
        stored = load_prices(store, symbol, sessions)
    print_result([build_prices_sheet(stored)], prices_to_plain(stored), json=json)


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Folder of TICKER.csv files.")], json: Json = False
) -> None:
    """Show what a run would take of each price file, and why not; nothing is written."""
    from flows.doctor.price_files import check_price_files
    from flows.reporting.prices import build_files_sheet
    from flows.reporting.tables import to_records

    sheet = build_files_sheet(list(check_price_files(folder, datetime.now(UTC))))
    print_result([sheet], to_records(sheet), json=json)
