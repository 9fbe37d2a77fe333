"""Options that several commands share, and the flow parameters that they stand for."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, overload

import typer

from flows.paths import parse_path
from flows.symbols import split_tickers
from forecasting.config import (
    EARLIEST_DAY,
    FEWEST_DROPOUT_RUNS,
    LARGEST_SEED,
    LONGEST_HORIZON,
    MOST_DROPOUT_RUNS,
    MOST_EPOCHS,
)
from forecasting.errors import UsageError
from forecasting.types import SourceKind

DAY = ["%Y-%m-%d"]
TICKER_OPTIONS = ("tickers", "train_tickers")
PATH = "PATH"  # as help names the value of an option
_CONFIGURED = "[default: as configured]"

Source = Annotated[
    SourceKind | None, typer.Option(help="Where prices come from. [default: BANDCAST_SOURCE, yahoo]")
]
CsvDir = Annotated[
    Path | None,
    typer.Option(parser=parse_path, metavar=PATH, help="Folder of TICKER.csv files, for --source csv."),
]
Tickers = Annotated[
    str | None,
    typer.Option(
        help="Symbols, @FILE or @variable:NAME, separated by commas. [default: BANDCAST_TICKERS, or all]"
    ),
]
AsOf = Annotated[
    datetime | None, typer.Option(formats=DAY, help="Session to forecast from. [default: the last closed]")
]
LastFetched = Annotated[
    datetime | None, typer.Option(formats=DAY, help="Last session to fetch. [default: the last closed]")
]
LastSeen = Annotated[
    datetime | None,
    typer.Option(formats=DAY, help="Last session that training may see. [default: the last closed]"),
]
Until = Annotated[
    datetime | None, typer.Option(formats=DAY, help="Newest bands up to this session. [default: the newest]")
]
Horizon = Annotated[int, typer.Option(min=1, max=LONGEST_HORIZON, help="Sessions ahead.")]
DropoutRuns = Annotated[
    int | None,
    typer.Option(
        min=FEWEST_DROPOUT_RUNS, max=MOST_DROPOUT_RUNS, help=f"Monte-Carlo-dropout runs. {_CONFIGURED}"
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(min=1, max=LARGEST_SEED, help=f"Seed of the random streams and of training. {_CONFIGURED}"),
]
SuccessRatio = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=1,
        help=f"Least share of tickers forecast, or nothing is published. {_CONFIGURED}",
    ),
]
TrainTickers = Annotated[
    str | None, typer.Option(help="Symbols to train on, separated by commas, if a model is trained.")
]
Epochs = Annotated[
    int | None, typer.Option(min=1, max=MOST_EPOCHS, help=f"Most epochs of training. {_CONFIGURED}")
]
Reissue = Annotated[
    bool,
    typer.Option("--reissue", help="Add an edition to live bands that now differ; the first edition stays."),
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on standard output, all else on standard error.")
]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port of the Prefect server, on 127.0.0.1.")]
Reset = Annotated[
    bool,
    typer.Option(
        "--reset",
        help="Set deployments, schedules, pool and automations back, whatever was set in the UI.",
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
        UsageError: It lies before `EARLIEST_DAY`, as one with a mistyped year does.
    """
    if moment is not None and moment.date() < EARLIEST_DAY:
        raise UsageError(f"Expected a day from {EARLIEST_DAY} on, found {moment.date()}; correct the year.")
    return moment.date() if moment else None


def build_parameters(**options: Any) -> dict[str, Any]:
    """Build the parameters of a flow from options of the same names; one that is not given is left out.

    >>> build_parameters(tickers="aapl,MSFT", source=None, as_of=datetime(2024, 5, 13))
    {'tickers': ['AAPL', 'MSFT'], 'as_of': datetime.date(2024, 5, 13)}

    Raises:
        UsageError: A ticker is no symbol, a list is empty, or a day is mistyped.
    """
    return {name: _to_parameter(name, value) for name, value in options.items() if value is not None}


def _to_parameter(name: str, value: Any) -> Any:
    if name in TICKER_OPTIONS:
        return list(split_tickers(value))
    if isinstance(value, datetime):
        return to_day(value)
    return str(value) if isinstance(value, Path) else value
