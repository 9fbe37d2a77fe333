"""Collapsed Bollinger bands: on how many windows of real closes the guard of their position acts.

    python benchmarks/collapsed_bands.py --csv-dir prices --end 2019-12-31

Prints the windows of all tickers after the warm-up, and those whose position is exactly 0.5, which the guard
returns where the bands have collapsed; where they have not, a ratio of real closes does not come out so.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from linear_walk import load

from flows.settings import load_settings
from forecasting.features.lookback import WARM_UP
from forecasting.features.market import build_lookbacks, leave_market_unknown
from forecasting.features.registry import compute_features
from forecasting.features.returns import DailyReturns


def count_collapsed(universe: Mapping[str, DailyReturns]) -> tuple[int, int]:
    """Return the number of windows, and of those on which the guard acts."""
    windows = collapsed = 0
    for returns in universe.values():
        lookbacks = build_lookbacks(returns, leave_market_unknown())[WARM_UP:]
        position = compute_features(lookbacks, ["bollinger_position"])
        windows += position.size
        collapsed += int((position == 0.5).sum())
    return windows, collapsed


def main(arguments: Sequence[str]) -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv-dir", type=Path, required=True, help="folder of TICKER.csv")
    parser.add_argument("--end", type=date.fromisoformat, default=date(2019, 12, 31), help="last session")
    options = parser.parse_args(arguments)
    universe = load(load_settings(source="csv", csv_dir=options.csv_dir), options.end)
    windows, collapsed = count_collapsed(universe)
    print(f"{len(universe)} tickers, {windows} windows, {collapsed} with collapsed bands")


if __name__ == "__main__":
    main(sys.argv[1:])
