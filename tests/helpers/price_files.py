"""TICKER.csv files in the columns that Yahoo gives: split-adjusted to their end."""

from pathlib import Path

from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory


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
