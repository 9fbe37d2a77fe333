"""Options that several commands share, and the flow parameters that they stand for."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, overload

import typer

from flows.symbols import split_tickers
from forecasting.config import EARLIEST_DAY
from forecasting.errors import UsageError
from forecasting.types import SourceKind

DAY = ["%Y-%m-%d"]

Source = Annotated[
    SourceKind | None, typer.Option(help="Where prices come from. [default: BANDCAST_SOURCE, yahoo]")
]
CsvDir = Annotated[Path | None, typer.Option(help="Folder of TICKER.csv files, for --source csv.")]
Tickers = Annotated[
    str | None, typer.Option(help="Symbols, with commas between. [default: BANDCAST_TICKERS, or all]")
]
AsOf = Annotated[
    datetime | None, typer.Option(formats=DAY, help="Session to forecast from. [default: the last closed]")
]
Until = Annotated[
    datetime | None, typer.Option(formats=DAY, help="The newest bands up to this session. [default: of all]")
]
Horizon = Annotated[int, typer.Option(min=1, max=30, help="Sessions ahead.")]
Reissue = Annotated[
    bool,
    typer.Option("--reissue", help="Add an edition to live bands that come out otherwise; the first stays."),
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON object on standard output, all else on standard error.")
]
Reset = Annotated[
    bool,
    typer.Option(
        "--reset", help="Set deployments, schedules, pool and automations back, whatever was set in the UI."
    ),
]


@overload
def to_day(moment: datetime) -> date: ...
@overload
def to_day(moment: None) -> None: ...
@overload
def to_day(moment: datetime | None) -> date | None: ...
def to_day(moment: datetime | None) -> date | None:
    """Convert an option that typer parses as a moment to a day.

    Raises:
        UsageError: It is a mistyped one, of which no arithmetic with days is possible.
    """
    if moment is not None and moment.date() < EARLIEST_DAY:
        raise UsageError(f"Expected a day from {EARLIEST_DAY} on, found {moment:%Y-%m-%d}; correct the year.")
    return moment.date() if moment else None


def build_parameters(source: SourceKind | None, csv_dir: Path | None, tickers: str | None) -> dict[str, Any]:
    """Build the parameters that every flow has.

    Raises:
        UsageError: A ticker is no symbol, or the list is empty.
    """
    return {
        "source": source or "configured",
        "csv_dir": str(csv_dir or ""),
        "tickers": [] if tickers is None else list(split_tickers(tickers)),
    }
