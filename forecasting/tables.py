"""Schemas of the frames that cross a boundary: columns, kinds and key, checked where a frame crosses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from pandas.api import types as pandas_types

from forecasting.errors import TableError

Kind = Literal["text", "session", "number", "integer"]
_KINDS: dict[str, Kind] = {"text": "text", "session": "session", "number": "number", "integer": "integer"}


@dataclass(frozen=True)
class Table:
    """Schema of one kind of frame.

    Attributes:
        name: Plural noun for error messages.
        columns: Column name -> kind of its values.
        key: Columns that together identify a row.
    """

    name: str
    columns: Mapping[str, Kind]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return list(self.columns)

    def empty(self) -> pd.DataFrame:
        """Return a frame of this schema without rows."""
        dtypes = {"text": "object", "session": "datetime64[s]", "number": "float64", "integer": "int64"}
        return pd.DataFrame({name: pd.Series(dtype=dtypes[kind]) for name, kind in self.columns.items()})

    def check(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame if it has every column with values of its kind and no key twice.

        Raises:
            TableError: A column is missing or of another kind, or a key occurs twice.
        """
        missing = [name for name in self.columns if name not in frame]
        if missing:
            raise TableError(self.name, f"columns {', '.join(self.columns)}", f"no {', '.join(missing)}")
        wrong = [name for name, kind in self.columns.items() if len(frame) and not _holds(kind, frame[name])]
        if wrong:
            kinds = ", ".join(f"{self.columns[name]} in {name}" for name in wrong)
            raise TableError(self.name, kinds, ", ".join(str(frame[name].dtype) for name in wrong))
        twice = frame.duplicated(list(self.key))
        if twice.any():
            row = frame.loc[twice, list(self.key)].iloc[0]
            raise TableError(self.name, "each key once", f"{', '.join(map(str, row))} twice")
        return frame


def _holds(kind: Kind, column: pd.Series) -> bool:
    """Return whether a column's dtype can hold values of a kind."""
    dtype, is_object = column.dtype, pandas_types.is_object_dtype(column.dtype)
    if kind == "text":
        return bool(is_object or isinstance(dtype, pd.CategoricalDtype | pd.StringDtype))
    if kind == "session":
        return is_object or bool(pandas_types.is_datetime64_dtype(dtype))
    if kind == "integer":
        return bool(pandas_types.is_integer_dtype(dtype))
    return bool(pandas_types.is_numeric_dtype(dtype))


def _define(name: str, columns: str, key: str) -> Table:
    """Define a table from pairs of column and kind, separated by commas."""
    pairs: list[list[str]] = [pair.split() for pair in columns.split(",")]
    return Table(name, {column: _KINDS[kind] for column, kind in pairs}, tuple(key.split()))


ISSUED_BANDS = _define(
    "issued bands",
    "as_of session, target_session session, horizon integer, anchor_close number, kind text, quality text, "
    "regime text, reports_ahead integer, price_basis text, band text, level number, log_return number",
    key="as_of target_session band level",
)
BAND_SCORES = _define(
    "band scores",
    "ticker text, as_of session, target_session session, band text, kind text, horizon integer, "
    "quality text, regime text, reports_ahead integer, nominal_coverage number, lower number, "
    "median number, upper number, actual_log_return number, inside number, below number, above number, "
    "crps number, winkler number, pinball_lower number, pinball_upper number, actual_close number",
    key="ticker as_of target_session band kind",
)
OPEN_PATHS = _define(
    "open paths",
    "as_of session, target_session session, horizon integer, anchor_close number, kind text, "
    "price_basis text",
    key="as_of horizon",
)
# Moves from the anchor close, such as -0.1; the drawdown is a share of the close that it fell from.
PATH_OUTCOMES = _define(
    "path outcomes",
    "ticker text, as_of session, target_session session, horizon integer, kind text, highest number, "
    "lowest number, drawdown number",
    key="ticker as_of horizon",
)
# Cumulative log returns: the predictive band at its outermost levels, and the calibrated one that was issued.
CLOSED_BANDS = _define(
    "closed bands",
    "ticker text, as_of session, horizon integer, regime text, actual number, lower number, median number, "
    "upper number, calibrated_lower number, calibrated_upper number, reports_ahead integer",
    key="ticker as_of horizon",
)
BACKTEST_ROWS = _define(
    "backtest rows",
    "ticker text, as_of session, target_session session, horizon integer, method text, level number, "
    "log_return number, actual_log_return number, reports_ahead integer",
    key="method as_of ticker horizon level",
)
