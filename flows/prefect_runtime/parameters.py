"""Parameter types of flows: the Prefect UI and its API check them before a run exists.

Parameters are flat and have literal defaults: an override of a nested model would silently drop other values
of the deployment, and the form shows a default that is made by a function as empty. So "not given" is a
distinct value: an empty list, an empty text, zero, or `configured`.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from forecasting.config import (
    EARLIEST_DAY,
    FEWEST_DROPOUT_RUNS,
    LARGEST_SEED,
    LONGEST_HORIZON,
    MOST_DROPOUT_RUNS,
    MOST_EPOCHS,
)
from forecasting.text import SYMBOL_PATTERN
from forecasting.types import SourceKind

_EITHER_CASE = SYMBOL_PATTERN.replace("A-Z", "A-Za-z")  # settings turn symbols into capitals

# Symbols separated by commas; @ and the path of a watchlist on the worker, or @variable: and a name.
_ENTRY = rf"({_EITHER_CASE}|@[^\s@,][^\r\n,]{{0,250}})"
Symbol = Annotated[str, Field(pattern=rf"^ *{_ENTRY}( *, *{_ENTRY})* *$")]
Symbols = Annotated[list[Symbol], Field(max_length=2000)]
Source = Literal["configured", SourceKind]
Horizon = Annotated[int, Field(ge=1, le=LONGEST_HORIZON)]
Paths = Annotated[int, Field(ge=0, le=100_000)]


def _require_runs(number: int) -> int:
    if 0 < number < FEWEST_DROPOUT_RUNS:
        raise ValueError(f"expected 0 or at least {FEWEST_DROPOUT_RUNS}, which give a spread")
    return number


# The API checks the schema before a run exists, the flow its parameters when one begins.
DropoutRuns = Annotated[
    int,
    Field(
        ge=0,
        le=MOST_DROPOUT_RUNS,
        json_schema_extra={"not": {"enum": list(range(1, FEWEST_DROPOUT_RUNS))}},
    ),
    AfterValidator(_require_runs),
]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
SuccessRatio = Annotated[float, Field(ge=0, le=1)]
Epochs = Annotated[int, Field(ge=0, le=MOST_EPOCHS)]
ModelVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
# The API's check of formats accepts any text as a date; the pattern does not.
Day = Annotated[
    date,
    Field(
        ge=EARLIEST_DAY,
        json_schema_extra={"pattern": r"^(19|2\d)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"},
    ),
]
LookBack = Annotated[int, Field(ge=1, le=60)]


def overrides(**parameters: Any) -> dict[str, Any]:
    """Convert parameters to settings of the same names; an empty value leaves one to the configuration.

    >>> overrides(tickers=[], source="configured", csv_dir="", horizon=5)
    {'tickers': None, 'source': None, 'csv_dir': None, 'horizon': 5}
    """
    return {name: None if value == "configured" else value or None for name, value in parameters.items()}
