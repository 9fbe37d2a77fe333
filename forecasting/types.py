"""Closed vocabularies and the array type that every layer shares.

Each closed set of words is one `Literal`: the core, the CHECK constraints, the forms and the command line all
read it, so that a new value is one edit here.
"""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SourceKind = Literal["yahoo", "csv", "sample"]
Quality = Literal["champion", "previous", "baseline"]  # rung of the ladder that made a forecast
Regime = Literal["calm", "normal", "stress"]  # market volatility at issue, in this order
Band = Literal["mc_dropout", "predictive", "calibrated", "random_walk"]
PathStatistic = Literal["touch", "drawdown"]
RunKind = Literal["live", "backfill"]
OutcomeKind = Literal["live", "backfill", "walk_forward"]  # the last was never issued
ModelStatus = Literal["candidate", "champion", "retired", "refused", "baseline"]
PriceBasis = Literal["split_adjusted", "total_return"]
ActionKind = Literal["split", "dividend"]
ReportTime = Literal["before_open", "after_close", "unknown"]  # of the day, when a company reports
ReportOrigin = Literal["file", "sample", "page", "events"]  # names a report's date; the last two: Yahoo's
ReportStatus = Literal["reported", "announced", "projected"]  # how the date of a report is known
ChangeKind = Literal["closure", "opening"]  # of an exchange, against the installed calendar
ChangeOrigin = Literal["found", "setting"]  # in the prices, or in the settings
Retrain = Literal["auto", "always", "never"]
CatchUp = Literal["off", "report", "fill"]
Weighting = Literal["linear", "exponential", "none"]

REGIMES: tuple[Regime, ...] = get_args(Regime)


def values(vocabulary: Any) -> tuple[str, ...]:
    """Return the words of a closed vocabulary, in order.

    >>> values(Regime)
    ('calm', 'normal', 'stress')
    """
    return get_args(vocabulary)
