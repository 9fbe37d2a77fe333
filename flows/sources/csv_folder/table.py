"""Read one CSV file into bars and actions by day."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from flows.sources.csv_folder.columns import describe_identity, name_columns
from flows.sources.csv_folder.days import parse_days
from flows.sources.csv_folder.numbers import parse_numbers
from flows.sources.csv_folder.text import read_text_table
from forecasting.errors import BadBarsError
from forecasting.text import format_count


@dataclass(frozen=True)
class PriceTable:
    """One file as read.

    Attributes:
        frame: Columns of bars and actions, float64, by day in increasing order.
        notes: What was left out, or is odd, a clause each.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_price_table(ticker: str, path: Path, zone: str) -> PriceTable:
    """Read a file.

    Args:
        ticker: Symbol, for messages.
        path: The file.
        zone: Time zone of the exchange, for stamps with a zone of their own.

    Raises:
        BadBarsError: The file is no table of daily prices; the message names column and line.
    """
    cells = read_text_table(ticker, path)
    table = cells.fitting
    text = name_columns(ticker, table).drop_duplicates()
    days = parse_days(ticker, text["date"], zone)
    frame = parse_numbers(ticker, text, cells.delimiter).set_axis(days, axis=0)
    closed = frame["close"].notna().to_numpy()
    if not closed.any():
        raise BadBarsError(ticker, "a close in column close", f"none in {format_count(len(closed), 'row')}")
    _check_order(ticker, text["date"][closed], days[closed])
    notes = (*describe_identity(ticker, table), *_describe_unpriced(days[~closed]))
    return PriceTable(frame[closed].sort_index(), notes)


def _check_order(ticker: str, cells: pd.Series, days: pd.DatetimeIndex) -> None:
    """Refuse days that neither rise nor fall: one of them is likely to be mistyped."""
    rising, falling = days[1:] > days[:-1], days[1:] < days[:-1]
    wrong = ~rising if rising.sum() >= falling.sum() else ~falling
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        before, after = (f"{days[at].date()} in line {cells.index[at]}" for at in (row - 1, row))
        raise BadBarsError(ticker, "one row for each day in order", f"{before}, then {after}")


def _describe_unpriced(days: pd.DatetimeIndex) -> tuple[str, ...]:
    if days.empty:
        return ()
    return (f"{format_count(len(days), 'row')} without a close left out, such as {days[-1].date()}",)
