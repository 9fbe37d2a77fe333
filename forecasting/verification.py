"""What became of issued bands: scores of every band whose target session has closed.

All on the basis of the issue date: what happened is the close of the target session in the units of `as_of`,
so that a split in between changes no score.
"""

import numpy as np
import pandas as pd

from forecasting.adjustment import later_product
from forecasting.forecast import Floats
from forecasting.metrics import crps, pinball, tail_misses, winkler
from forecasting.prices import PriceHistory

ISSUED = ("as_of", "target_session", "horizon", "anchor_close", "kind", "quality", "regime")
BAND = ("as_of", "target_session", "band")
SCORES = (
    "nominal",
    "lower",
    "median",
    "upper",
    "actual_log_return",
    "inside",
    "below",
    "above",
    "crps",
    "winkler",
    "pinball_lower",
    "pinball_upper",
)


def score_issued(issued: pd.DataFrame, history: PriceHistory) -> pd.DataFrame:
    """Scores of one ticker's bands; targets without a close are left out.

    Args:
        issued: Long, one row a band, target session and level: the columns `ISSUED`, `band`, `level` and
            `log_return` (cumulative since `as_of`).
        history: Prices up to the last session that counts as closed.

    Returns:
        One row a band and target session: `method`, the columns `ISSUED` but `anchor_close`, and `SCORES`.
    """
    columns = ["method", *(name for name in ISSUED if name != "anchor_close"), *SCORES]
    facts = issued[list(ISSUED)].drop_duplicates(["as_of", "target_session"])
    actual = actual_log_returns(facts, history)
    known = facts.assign(actual_log_return=actual)[np.isfinite(actual)]
    wide = issued.pivot(index=list(BAND), columns="level", values="log_return")  # noqa: PD010  refuses doubles
    rows = wide.reset_index().merge(known, on=["as_of", "target_session"]).rename(columns={"band": "method"})
    parts = [_scored(part, levels) for levels, part in _by_levels(rows, list(wide.columns))]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def actual_log_returns(facts: pd.DataFrame, history: PriceHistory) -> Floats:
    """(N,) cumulative log returns from `anchor_close` at `as_of` to `target_session`, NaN without a close."""
    start, target = (pd.DatetimeIndex(pd.to_datetime(facts[name])) for name in ("as_of", "target_session"))
    splits = history.actions["split"]
    shares = later_product(start, splits) / later_product(target, splits)
    closes = history.bars["close"].reindex(target.as_unit("s")).to_numpy(np.float64)
    returns: Floats = np.log(closes * shares / facts["anchor_close"].to_numpy(np.float64))
    return returns


def score_walked(closed: pd.DataFrame, nominal: float) -> pd.DataFrame:
    """Scores of walked bands of which only the outermost levels and the median are known: no CRPS.

    Args:
        closed: The columns `calibration.CLOSED` and `target_session`.
        nominal: Probability between lower and upper.

    Returns:
        As `score_issued`, with `ticker`, for the methods predictive and calibrated.
    """
    kept = ["ticker", "as_of", "target_session", "horizon", "regime"]
    parts = []
    for method, prefix in (("predictive", ""), ("calibrated", "calibrated_")):
        part = closed[kept].assign(method=method, kind="walk_forward", quality="champion")
        bounds = closed[[f"{prefix}lower", "median", f"{prefix}upper"]].to_numpy(np.float64)
        scores = _scores(bounds, np.array([(1 - nominal) / 2, 0.5, (1 + nominal) / 2]), closed["actual"])
        parts.append(part.assign(**{**scores, "crps": np.nan}))
    return pd.concat(parts, ignore_index=True)


def _by_levels(rows: pd.DataFrame, levels: list[float]) -> list[tuple[list[float], pd.DataFrame]]:
    """The rows in groups that have the same levels: the levels that are kept are a setting."""
    given = rows[levels].notna().to_numpy()
    patterns, group = np.unique(given, axis=0, return_inverse=True)
    return [
        ([level for level, there in zip(levels, pattern, strict=True) if there], rows[group == number])
        for number, pattern in enumerate(patterns)
    ]


def _scored(rows: pd.DataFrame, levels: list[float]) -> pd.DataFrame:
    return rows.assign(
        **_scores(rows[levels].to_numpy(np.float64), np.array(levels), rows["actual_log_return"])
    )


def _scores(quantiles: Floats, levels: Floats, outcome: pd.Series) -> dict[str, object]:
    """The columns `SCORES` of (N, Q) quantiles and (N,) outcomes."""
    actual = outcome.to_numpy(np.float64)
    lower, upper = quantiles[:, 0], quantiles[:, -1]
    nominal = round(float(levels[-1] - levels[0]), 10)
    losses = pinball(levels, quantiles, actual)  # (N, Q)
    below, above = (miss.astype(np.int64) for miss in tail_misses(lower, upper, actual))
    return {
        "nominal": nominal,
        "lower": lower,
        "median": quantiles[:, int(np.searchsorted(levels, 0.5 - 1e-9))],
        "upper": upper,
        "actual_log_return": actual,
        "inside": 1 - below - above,
        "below": below,
        "above": above,
        "crps": crps(levels, quantiles, actual),
        "winkler": winkler(lower, upper, actual, nominal),
        "pinball_lower": losses[:, 0],
        "pinball_upper": losses[:, -1],
    }
