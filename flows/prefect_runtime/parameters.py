"""What the forms of the flows are made of: types that the Prefect UI and its API check before a run exists.

Parameters are flat and have literal defaults: an override of a nested model would drop the deployment's other
values without a word, and the form shows a default that is made by a function as empty. So "not given" is a
value of its own kind: an empty list, an empty text, zero, or `configured`.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

Symbol = Annotated[str, Field(pattern=r"^[A-Za-z0-9^][A-Za-z0-9.\-=^]{0,31}$")]
Symbols = Annotated[list[Symbol], Field(max_length=2000)]
Source = Literal["configured", "yahoo", "csv", "sample"]
Horizon = Annotated[int, Field(ge=1, le=30)]
Paths = Annotated[int, Field(ge=0, le=100_000)]
# The API's check of formats lets any text pass for a date, so the pattern is what refuses one.
Day = Annotated[date, Field(json_schema_extra={"pattern": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"})]
CatchUp = Literal["off", "report", "fill"]
LookBack = Annotated[int, Field(ge=1, le=60)]


def overrides(
    tickers: list[str],
    source: Source,
    csv_dir: str,
    *,
    horizon: int | None = None,
    paths: int = 0,
) -> dict[str, Any]:
    """The settings that a form has set, for `open_job`; what it leaves to the configuration is None."""
    return {
        "tickers": tickers or None,
        "source": None if source == "configured" else source,
        "csv_dir": csv_dir or None,
        "horizon": horizon,
        "paths": paths or None,
    }
