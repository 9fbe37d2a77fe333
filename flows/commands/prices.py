"""The price store: `bandcast prices`."""

from typing import Annotated

import typer

from flows.commands.options import Json, Source, Tickers, source_name

app = typer.Typer(no_args_is_help=True, help="The price store.")


@app.command()
def status(source: Source = None, tickers: Tickers = "", json: Json = False) -> None:
    """Show what the store holds of each ticker: sessions, gaps, corrections, quarantine."""
    from flows.reporting.price_store import price_sources, price_status, print_status, status_json
    from flows.reporting.printing import elsewhere
    from flows.settings import load_settings

    settings = load_settings(source=source_name(source), tickers=tickers or None)
    statuses = price_status(settings)
    if json:
        typer.echo(status_json(statuses))
    else:
        print_status(statuses, elsewhere("prices", price_sources(settings), settings.source))


@app.command()
def show(
    ticker: Annotated[str, typer.Argument(help="The symbol.")],
    source: Source = None,
    sessions: Annotated[int, typer.Option(min=1, help="How many of the last sessions.")] = 20,
    json: Json = False,
) -> None:
    """Show a ticker's last bars as traded, its splits and dividends, and every correction."""
    from flows.reporting.price_store import prices_json, print_prices, stored_prices

    stored = stored_prices(ticker, source_name(source), sessions)
    typer.echo(prices_json(stored)) if json else print_prices(stored)
