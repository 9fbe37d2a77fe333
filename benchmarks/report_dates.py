"""Report dates: two walks of the same forecasts, one with earnings dates and one without.

    python benchmarks/report_dates.py with.parquet without.parquet --earnings prices/earnings.csv

Prints, for each method, the coverage of the 90 % band on windows that hold a report and on the others, and
the CRPS with dates over the CRPS without. A window holds a report if one was filed from its origin to its
last session: one session ahead, half of these windows miss the session that reacted.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from forecasting.evaluation.bootstrap import block_bootstrap
from forecasting.evaluation.scores import Scores

KEYS = ["ticker", "as_of", "horizon"]
BLOCK = 10  # origins drawn together


def score_walk(path: Path, method: str) -> pd.DataFrame:
    """Score one method of a walk; a row for each ticker, date and horizon."""
    rows = pd.read_parquet(path)
    rows = rows[rows["method"] == method].dropna(subset=["actual_log_return"]).astype({"ticker": str})
    wide = rows.pivot_table(index=[*KEYS, "target_session"], columns="level", values="log_return")
    actual = rows.groupby([*KEYS, "target_session"])["actual_log_return"].first().reindex(wide.index)
    scores = Scores(tuple(wide.columns), wide.to_numpy(), actual.to_numpy())
    return pd.DataFrame({"crps": scores.crps, "inside": scores.inside}, wide.index).reset_index()


def mark_reports(scores: pd.DataFrame, earnings: pd.DataFrame) -> np.ndarray:
    """Return whether each window holds the day of a report."""
    days = {str(ticker): np.sort(own.to_numpy()) for ticker, own in earnings.groupby("ticker")["date"]}
    none = np.empty(0, "datetime64[ns]")
    return np.array(
        [
            np.searchsorted(days.get(row.ticker, none), row.as_of.to_datetime64())
            < np.searchsorted(days.get(row.ticker, none), row.target_session.to_datetime64(), side="right")
            for row in scores.itertuples()
        ]
    )


def print_comparison(method: str, options: argparse.Namespace) -> None:
    """Print the coverage of both walks and the ratio of their scores."""
    known, blind = (score_walk(path, method) for path in (options.known, options.blind))
    both = known.merge(blind, on=[*KEYS, "target_session"], suffixes=("", "_blind"))
    both["report"] = mark_reports(both, pd.read_csv(options.earnings, parse_dates=["date"]))
    groups = {"with a report": both[both["report"]], "without": both[~both["report"]], "all": both}
    for name, group in groups.items():
        each = group.groupby("horizon")
        columns = {
            "windows": each.size(),
            "covered": each["inside"].mean().round(3),
            "covered, no dates": each["inside_blind"].mean().round(3),
            "crps ratio": (each["crps"].mean() / each["crps_blind"].mean()).round(4),
        }
        print(f"\n{method}, windows {name}\n{pd.DataFrame(columns).to_string()}")
    print_paired(method, both)


def print_paired(method: str, both: pd.DataFrame) -> None:
    """Print the mean relative difference over the horizons with its 90 % interval."""
    by_date = both.pivot_table(index="as_of", columns="horizon", values=["crps", "crps_blind"]).dropna()
    relative = (by_date["crps"] - by_date["crps_blind"]) / by_date["crps_blind"].mean()
    interval = block_bootstrap(relative.mean(axis=1).to_numpy(), BLOCK, draws=2000, seed=7)
    print(f"\n{method}: CRPS with dates against without {interval}")


def main() -> None:
    """Read the options and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("known", type=Path, help="rows of the walk with earnings dates")
    parser.add_argument("blind", type=Path, help="rows of the walk without")
    parser.add_argument("--earnings", type=Path, required=True, help="the earnings.csv of the first walk")
    parser.add_argument("--methods", default="calibrated,predictive,har", help="methods of the rows")
    options = parser.parse_args()
    for method in options.methods.split(","):
        print_comparison(method, options)


if __name__ == "__main__":
    main()
