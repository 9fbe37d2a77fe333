"""Initial settings: a commented `.env` and a watchlist in a folder, so that every command there works."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from flows.environment import DOTENV
from flows.paths import describe_fault, expand_path, make_url_absolute
from flows.schedules import Schedule
from flows.sources.training import US_LARGE
from flows.symbols import (
    FILE_MARK,
    make_absolute,
    names_file,
    names_variable,
    parse_tickers,
    split_tickers,
)
from forecasting.errors import FileError, UsageError

WATCHLIST = "watchlist.csv"


@dataclass(frozen=True)
class InitialSettings:
    """Settings to write.

    Attributes:
        universe: `us-large`, symbols separated by commas, `@` and the path of a watchlist, or `@variable:`
            and the name of a Prefect Variable.
        home: Folder of the store, plots and caches.
        database_url: Empty for a SQLite file in the home.
        source: Of prices.
        csv_dir: Folder of price files, for the source `csv`.
        schedule: Of the daily run; None for that of New York.
    """

    universe: str
    home: Path
    database_url: str = ""
    source: str = "yahoo"
    csv_dir: Path | None = None
    schedule: Schedule | None = None


def write_initial_settings(folder: Path, chosen: InitialSettings, *, force: bool) -> list[Path]:
    """Write `.env` and, unless the universe is a file or a variable, `watchlist.csv`; return their paths.

    Raises:
        UsageError: A file is there already, and no `force`; the universe is none, or there is no folder of
            price files.
        FileError: A file cannot be written.
    """
    if chosen.csv_dir and (fault := describe_fault(expand_path(chosen.csv_dir))):
        raise UsageError(
            f"Expected a folder of TICKER.csv files at {_absolute(chosen.csv_dir)}, found {fault}; correct "
            "--csv-dir, or make the folder."
        )
    universe, watchlist = chosen.universe, folder / WATCHLIST
    named = names_file(universe) or names_variable(universe)
    tickers = make_absolute(universe) if named else f"{FILE_MARK}{watchlist.absolute()}"
    contents = {folder / DOTENV: format_dotenv(chosen, tickers)}
    if named:
        parse_tickers([universe])  # refuses what is none
    else:
        contents[watchlist] = format_watchlist(universe)
    if there := [str(path) for path in contents if path.exists() and not force]:
        raise UsageError(f"Expected no file at {' and '.join(there)}, found one; move it, or give --force.")
    for path, text in contents.items():
        try:
            path.unlink(missing_ok=True)  # a new file is private, whatever the old one was
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise FileError(str(path), error.strerror or str(error)) from error
    return list(contents)


def format_watchlist(universe: str) -> str:
    """Format a watchlist: `ticker,name`, the names of large companies of the United States filled in.

    Raises:
        UsageError: A ticker is no symbol, or there is none.
    """
    names = read_names()
    tickers: Iterable[str] = names if universe == US_LARGE else split_tickers(universe)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([("ticker", "name"), *((ticker, names.get(ticker, "")) for ticker in tickers)])
    return text.getvalue()


def read_names() -> Mapping[str, str]:
    """Read ticker -> name of the bundled list."""
    text = resources.files("flows").joinpath("universes", f"{US_LARGE}.csv").read_text("utf-8")
    return {row["ticker"]: row["name"] for row in csv.DictReader(text.splitlines())}


def format_dotenv(chosen: InitialSettings, tickers: str) -> str:
    """Format a `.env` with a comment for each setting; those that are left open are commented out."""
    entries = (
        ("Tickers to forecast: those of a file, or symbols separated by commas.", "TICKERS", tickers),
        ("Where prices come from: yahoo, csv or sample.", "SOURCE", chosen.source),
        ("Folder of TICKER.csv files, for the source csv.", "CSV_DIR", _absolute(chosen.csv_dir)),
        ("Folder of the store, plots, caches and logs.", "HOME", _absolute(chosen.home)),
        (
            "Database by URL, of PostgreSQL; a SQLite file in the home without it.",
            "DATABASE_URL",
            make_url_absolute(chosen.database_url),
        ),
        (
            "Cron of the daily run, for `serve` and `deploy`: minute, hour, day, month, weekday.",
            "SCHEDULE",
            chosen.schedule.cron if chosen.schedule else "",
        ),
        (
            "Time zone of the schedules, by its IANA name.",
            "TIMEZONE",
            chosen.schedule.timezone if chosen.schedule else "",
        ),
        (
            "Apprise URL that gets a message when something fails; `bandcast notify` tries it.",
            "NOTIFY_URL",
            "",
        ),
    )
    head = "# Settings of commands called in this folder; `bandcast config show` lists them all.\n"
    return head + "".join(_format_entry(*entry) for entry in entries)


def _format_entry(comment: str, name: str, value: str) -> str:
    if not value:
        return f"\n# {comment}\n# BANDCAST_{name}=\n"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"\n# {comment}\nBANDCAST_{name}='{escaped}'\n"


def _absolute(path: Path | None) -> str:
    return str(expand_path(path).absolute()) if path else ""
