"""Options that several commands share, and the flow parameters that they stand for."""

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class SourceChoice(StrEnum):
    """Where prices can come from."""

    sample = "sample"
    csv = "csv"
    yahoo = "yahoo"


class RetrainChoice(StrEnum):
    """When to train."""

    auto = "auto"
    always = "always"
    never = "never"


Source = Annotated[
    SourceChoice | None, typer.Option(help="Where prices come from. [default: BANDCAST_SOURCE, yahoo]")
]
CsvDir = Annotated[Path | None, typer.Option(help="Folder of TICKER.csv files, for --source csv.")]
Tickers = Annotated[
    str, typer.Option(help="Symbols, with commas between. [default: BANDCAST_TICKERS, or all]")
]
AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Session to forecast from. [default: the last closed]"),
]
Horizon = Annotated[int, typer.Option(min=1, max=30, help="Sessions ahead.")]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON object on standard output, all else on standard error.")
]


def source_name(source: SourceChoice | None) -> str | None:
    """The source that was asked for, None where none was."""
    return source.value if source else None


def day(moment: datetime | None) -> date | None:
    """The day of an option that typer reads as a moment."""
    return moment.date() if moment else None


def parameters(
    source: SourceChoice | None, csv_dir: Path | None, tickers: str, as_of: datetime | None
) -> dict[str, Any]:
    """The parameters that every flow has."""
    return {
        "source": source_name(source) or "configured",
        "csv_dir": str(csv_dir or ""),
        "tickers": [ticker.strip() for ticker in tickers.split(",") if ticker.strip()],
        "as_of": day(as_of),
    }
