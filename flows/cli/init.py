"""`bandcast init`."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.doctor import doctor
from flows.cli.options import PATH, CsvDir
from flows.cli.output import print_line
from flows.paths import parse_path
from forecasting.errors import UsageError
from forecasting.types import SourceKind

QUESTION = "Tickers to forecast (us-large, symbols separated by commas, or @ and a file)"


def init(
    universe: Annotated[
        str | None, typer.Option(help="us-large, symbols separated by commas, or @FILE with a column ticker.")
    ] = None,
    home: Annotated[
        Path, typer.Option(parser=parse_path, metavar=PATH, help="Folder of store, plots and logs.")
    ] = Path(".bandcast"),
    database_url: Annotated[str, typer.Option(help="URL of a PostgreSQL database. [default: SQLite]")] = "",
    source: Annotated[
        SourceKind | None,
        typer.Option(help="Where prices come from. [default: csv with --csv-dir, else yahoo]"),
    ] = None,
    csv_dir: CsvDir = None,
    exchange: Annotated[
        str | None,
        typer.Option(
            help="Calendar or suffix of `bandcast exchanges`, such as XTKS or .T: the daily run follows its "
            "close. [default: XNYS]"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite .env and watchlist.csv.")] = False,
) -> None:
    """Write a commented .env and a watchlist into this folder. Then check the installation."""
    from flows.initial_settings import InitialSettings, write_initial_settings
    from flows.schedules import choose_schedule

    if source == "csv" and not (csv_dir or os.environ.get("BANDCAST_CSV_DIR")):
        raise UsageError(
            "Expected --csv-dir with the folder of TICKER.csv files for --source csv, found none; add it."
        )
    chosen = InitialSettings(
        universe or _ask(),
        home,
        database_url=database_url,
        source=source or ("csv" if csv_dir else "yahoo"),
        csv_dir=csv_dir,
        schedule=choose_schedule(exchange, datetime.now(UTC).date()) if exchange else None,
    )
    for path in write_initial_settings(Path.cwd(), chosen, force=force):
        print_line(f"wrote {path}")
    try:
        doctor()
    except typer.Exit:
        print_line("Mend what fails, then call `bandcast doctor` again.")
        raise
    print_line("Next: `bandcast run` makes the first bands, `bandcast serve` makes them every day.")


def _ask() -> str:
    """Ask for the universe.

    Raises:
        UsageError: Nobody can answer.
    """
    if not sys.stdin.isatty():
        raise UsageError("Expected --universe us-large, AAPL,MSFT or @watchlist.csv, found none; give one.")
    answer: str = typer.prompt(QUESTION)
    return answer.strip()
