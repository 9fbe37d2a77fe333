"""False alarms: every great move of real prices, judged as the newest bar and as an old one.

    python benchmarks/false_alarms.py --csv-dir prices

Prints each split, and each session whose close moved beyond the limit of a jump, with the volume that it came
with and what the checks of a download say. On real prices that have their splits, nothing may be refused.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from flows.sources.csv_folder import CsvSource
from forecasting.errors import PriceError
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory
from forecasting.prices.reconciliation import reconcile
from forecasting.prices.validation import JUMP, USUAL_SESSIONS

LATER = 250  # sessions


@dataclass(frozen=True)
class Event:
    """A split or a great move, and the refusals that it causes.

    Attributes:
        ticker: The symbol.
        session: The ex-date, or the session of the move.
        split: New shares per old; 1.0 for a move.
        move: Close over the close before, adjusted for splits and dividends.
        crowd: Volume over the usual one.
        refusals: Reasons; none on real prices.
    """

    ticker: str
    session: date
    split: float
    move: float
    crowd: float
    refusals: tuple[str, ...]


def find_events(history: PriceHistory) -> Iterator[Event]:
    """Find the splits and great moves of a history, and judge each on its day and `LATER` sessions on."""
    adjusted = adjust(history, history.last_session, "total_return")
    move = adjusted["close"] / adjusted["close"].shift()
    crowd = adjusted["volume"] / adjusted["volume"].rolling(USUAL_SESSIONS, min_periods=1).median().shift()
    split = history.actions["split"].reindex(adjusted.index, fill_value=1.0)
    for index in np.flatnonzero((np.log(move).abs() > JUMP) | (split != 1.0)):
        session: date = adjusted.index[index].date()
        refusals = tuple(judge(history, int(index)))
        yield Event(history.ticker, session, split.iloc[index], move.iloc[index], crowd.iloc[index], refusals)


def judge(history: PriceHistory, index: int) -> Iterator[str]:
    """Name the refusals of a first download up to a bar, of the bar alone, and of a first download later."""
    days = history.bars.index
    known, later = days[index].date(), days[min(index + LATER, len(days) - 1)].date()
    before = history.until(days[index - 1].date())
    nothing = PriceHistory(history.ticker, history.bars.iloc[:0], history.actions.iloc[:0])
    downloads = [(nothing, known), (before, known), (nothing, later)]
    for stored, end in downloads:
        try:
            reconcile(stored, history.until(end))
        except PriceError as error:
            yield error.reason


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the events of a folder of prices; return 1 where one is refused."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv-dir", type=Path, required=True)
    source = CsvSource(parser.parse_args(arguments).csv_dir)
    last = source.last_session(source.tickers()) or date.max
    events = [event for each in source.tickers() for event in find_events(source.fetch(each, None, last))]
    print(pd.DataFrame(events).to_string(index=False, float_format="{:.3g}".format))
    refused = sum(bool(event.refusals) for event in events)
    print(f"{len(source.tickers())} tickers, {len(events)} splits and great moves, {refused} refused")
    return int(refused > 0)


if __name__ == "__main__":
    raise SystemExit(main())
