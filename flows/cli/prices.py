"""`bandcast prices`: the price store, and the files that go into it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import DAY, Json, Source, Tickers, to_day
from flows.cli.output import print_result, print_sheet
from flows.paths import parse_path

app = typer.Typer(no_args_is_help=True, help="Inspect and correct stored prices; check price files.")


@app.command()
def status(source: Source = None, tickers: Tickers = None, json: Json = False) -> None:
    """Show what is stored of each ticker. These are sessions, gaps, revisions, next report and quarantine."""
    from db import open_reader
    from flows.context import load_calendars
    from flows.prefect_variables import resolve_settings
    from flows.presentation.prices import load_status_sheet

    settings = resolve_settings(source=source, tickers=tickers)
    with open_reader(settings.url, settings.source) as store:
        now = datetime.now(UTC)
        calendars = load_calendars(store, dict(settings.calendars), now)
        sheet = load_status_sheet(
            store, settings.tickers, calendars, now=now, known_ahead=settings.known_ahead
        )
    print_sheet(sheet, json=json)


@app.command()
def show(
    ticker: Annotated[str, typer.Argument(help="Symbol.")],
    source: Source = None,
    sessions: Annotated[int, typer.Option(min=1, help="Number of sessions.")] = 20,
    json: Json = False,
) -> None:
    """Show a ticker's last bars as traded. Its splits, dividends and revisions are shown, too."""
    from db import open_reader
    from flows.presentation.prices import build_prices_sheet, load_prices, prices_to_plain
    from flows.settings import load_settings
    from flows.symbols import parse_ticker

    settings = load_settings(source=source)
    symbol = parse_ticker(ticker)
    with open_reader(settings.url, settings.source) as store:
        stored = load_prices(store, symbol, sessions)
    print_result([build_prices_sheet(stored)], prices_to_plain(stored), json=json)


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(parser=parse_path, help="Folder of TICKER.csv files.")],
    json: Json = False,
) -> None:
    """Show what a run would take of each price file, and why not. Nothing is stored."""
    from flows.doctor.price_files import check_price_files
    from flows.presentation.prices import build_files_sheet
    from flows.settings import load_settings
    from flows.sources.calendars import read_calendars
    from forecasting.features.lookback import WARM_UP

    settings = load_settings()
    checks = check_price_files(
        folder,
        datetime.now(UTC),
        read_calendars(settings),
        horizon=settings.simulation.horizon,
        needed=WARM_UP + settings.model.training.lookback,
    )
    print_sheet(build_files_sheet(list(checks)), json=json)


@app.command()
def forget(
    ticker: Annotated[str, typer.Argument(help="Symbol.")],
    source: Source = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=DAY, help="First session. [default: the first stored]"),
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=DAY, help="Last session. [default: the last stored]")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be forgotten.")] = False,
    json: Json = False,
) -> None:
    """Move a ticker's stored bars to the revisions. A run stores them again if the source has them."""
    from db import open_existing, open_reader
    from flows.presentation.prices import describe_forgotten
    from flows.settings import load_settings
    from flows.steps.withdrawal import choose_forgotten, forget_prices
    from flows.symbols import parse_ticker

    settings, symbol = load_settings(source=source), parse_ticker(ticker)
    first, last = to_day(start), to_day(end)
    open_it = open_reader if dry_run else open_existing
    with open_it(settings.url, settings.source) as store:
        with store.reading() as tx:
            gone = choose_forgotten(tx, symbol, start=first, end=last)
        if not dry_run:
            with store.writing() as tx:
                forget_prices(tx, symbol, start=first, end=last, now=datetime.now(UTC))
    plain = {"ticker": symbol, "sessions": list(map(str, gone)), "forgotten": not dry_run}
    print_result([describe_forgotten(symbol, gone, dry_run=dry_run)], plain, json=json)
