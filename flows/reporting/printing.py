"""What the command line prints: tables for people, JSON for programs."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from flows.reporting.bands import at_main_horizons, latest, nothing_stored
from flows.settings import load_settings
from forecasting.errors import UsageError


def elsewhere(what: str, held: Sequence[str], source: str) -> str:
    """Where to look when the store holds such things, but none of this source; empty where it does."""
    if not held or source in held:
        return ""
    return f"The store holds {what} of {', '.join(held)}, none of {source}; choose with --source."


def stored_bands(tickers: str, until: date | None, *, every: bool) -> pd.DataFrame:
    """The newest bands in the store up to a session, at the main horizons or at every one.

    Raises:
        UsageError: There are none.
    """
    settings = load_settings(tickers=tickers or None)
    bands = latest(settings, settings.tickers or None, until)
    if bands.empty:
        raise UsageError(nothing_stored(settings.tickers, until))
    return bands if every else at_main_horizons(bands)


def print_bands(bands: pd.DataFrame) -> None:
    """A table of bands on standard output."""
    table = Table(title="Forecast bands", title_justify="left")
    for name in ("ticker", "as of", "session", "h", "close", "lower", "median", "upper", "band"):
        table.add_column(name, justify="left" if name in ("ticker", "as of", "session") else "right")
    for row in bands.itertuples():
        prices = [f"{price:,.2f}" for price in (row.anchor_close, row.lower, row.median, row.upper)]
        first = row.horizon == bands["horizon"].min()
        names = [row.ticker, str(row.as_of)] if first else ["", ""]
        table.add_row(*names, str(row.target_session), str(row.horizon), *prices, f"{row.coverage:.0%}")
    Console(width=100).print(table)


def bands_json(bands: pd.DataFrame) -> str:
    """The bands as a JSON array of rows."""
    text: str = bands.astype({"as_of": str, "target_session": str, "issued_at": str}).to_json(
        orient="records"
    )
    return text


def summary_json(summary: dict[str, Any]) -> str:
    """A run's summary as one JSON object."""
    return json.dumps(summary, indent=2)


def print_summary(summary: dict[str, Any]) -> None:
    """A run's bands, what was left out, and where to look next, on standard output."""
    console = Console(width=100, soft_wrap=True, highlight=False)
    if summary["run_id"]:
        bands = latest(load_settings(), summary["tickers"], date.fromisoformat(summary["as_of"]))
        print_bands(at_main_horizons(bands))
    for name, fault in summary["quarantined"].items():
        console.print(f"Quarantined {name} ({fault['reason']}): {fault['detail']}", markup=False)
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in summary["seconds"].items())
    console.print(f"As of {summary['as_of']}, model {summary['model_version'] or 'none'}: {stages}.")
    if summary["run_id"]:
        console.print(f"Run:      {summary['run_id']}")
    for label in ("plot", "database", "query"):
        if label in summary:
            console.print(f"{label.capitalize() + ':':9} {summary[label]}", markup=False)


def print_backfill(summary: dict[str, Any]) -> None:
    """What came of each session of a range, on standard output."""
    console = Console(width=100, soft_wrap=True, highlight=False)
    for one in summary["sessions"]:
        console.print(f"{one['session']}: bands of {len(one['published'])} tickers")
    sessions = summary["sessions"]
    console.print(f"{summary['start']} to {summary['end']}: {len(sessions)} sessions filled now.")
