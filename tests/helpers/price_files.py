"""TICKER.csv files in the columns that Yahoo gives: split-adjusted to their end."""

from collections.abc import Callable
from pathlib import Path

from flows.sources import CsvSource
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory

Write = Callable[..., CsvSource]
FULL = """date,open,high,low,close,adj_close,volume,dividends,splits
2024-06-03,9,10.5,8.5,10,9.7,4000,0,0
2024-06-04,10,11.5,9.5,11,10.8,4400,0.25,0
2024-06-05,11,12.5,10.5,12,12,1200,0,4
"""


def write_prices(folder: Path, history: PriceHistory) -> None:
    """Write the file of one ticker; the folder is made."""
    last = history.last_session
    actions = history.actions.reindex(history.bars.index)
    later = [history.actions["split"][history.actions.index > day].prod() for day in actions.index]
    frame = adjust(history, last, "split_adjusted").assign(
        dividends=actions["dividend"].fillna(0.0) / later,
        splits=actions["split"].where(actions["split"] != 1).fillna(0.0),
    )
    folder.mkdir(exist_ok=True)
    frame.rename_axis("date").to_csv(folder / f"{history.ticker}.csv", date_format="%Y-%m-%d")
