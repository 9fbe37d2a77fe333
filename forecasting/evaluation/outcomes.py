"""What became of issued bands: scores of every band whose target session has closed.

All on the basis of the issue date: what happened is the close of the target session in the units of `as_of`,
so that a split in between changes no score.
"""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasting.evaluation.metrics import crps, pinball, tail_misses, winkler
from forecasting.prices.adjustment import kept_after_payout, later_product
from forecasting.prices.history import PriceHistory
from forecasting.types import Floats, PriceBasis

if TYPE_CHECKING:
    from forecasting.backtesting.walk import Walked  # brings torch, which scoring needs none of

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


def score_issued(
    issued: pd.DataFrame, history: PriceHistory, basis: PriceBasis = "split_adjusted"
) -> pd.DataFrame:
    """Scores of one ticker's bands; targets without a close are left out.

    Args:
        issued: Long, one row a band, target session and level: the columns `ISSUED`, `band`, `level` and
            `log_return` (cumulative since `as_of`).
        history: Prices up to the last session that counts as closed.
        basis: What the bands are bands of.

    Returns:
        One row a band and target session: `method`, the columns `ISSUED` but `anchor_close`, and `SCORES`.
    """
    columns = ["method", *(name for name in ISSUED if name != "anchor_close"), *SCORES]
    facts = issued[list(ISSUED)].drop_duplicates(["as_of", "target_session"])
    actual = actual_log_returns(facts, history, basis)
    known = facts.assign(actual_log_return=actual)[np.isfinite(actual)]
    wide = issued.pivot(index=list(BAND), columns="level", values="log_return")  # noqa: PD010  refuses doubles
    rows = wide.reset_index().merge(known, on=["as_of", "target_session"]).rename(columns={"band": "method"})
    parts = [_scored(part, levels) for levels, part in _by_levels(rows, list(wide.columns))]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def actual_log_returns(facts: pd.DataFrame, history: PriceHistory, basis: PriceBasis) -> Floats:
    """(N,) cumulative log returns from `anchor_close` at `as_of` to `target_session`, NaN without a close."""
    start, target = (pd.DatetimeIndex(pd.to_datetime(facts[name])) for name in ("as_of", "target_session"))
    splits = history.actions["split"]
    shares = later_product(start, splits) / later_product(target, splits)
    closes = history.bars["close"].reindex(target.as_unit("s")).to_numpy(np.float64)
    if basis == "total_return":
        kept = kept_after_payout(history)
        shares *= later_product(target, kept) / later_product(start, kept)
    returns: Floats = np.log(closes * shares / facts["anchor_close"].to_numpy(np.float64))
    return returns


def score_walked(walked: "Sequence[Walked]", until: date) -> pd.DataFrame:
    """Scores of forecasts that were never issued, for what closed up to a session.

    Returns:
        As `score_issued`, with `ticker`.
    """
    parts = [_walked_band(one, band, until) for one in walked for band in one.forecast.log_returns]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _walked_band(walked: "Walked", band: str, until: date) -> pd.DataFrame:
    forecast = walked.forecast
    targets = np.array(forecast.target_sessions, dtype="datetime64[D]")
    closed = np.flatnonzero(np.isfinite(walked.actual) & (targets <= np.datetime64(until)))
    facts = {
        "ticker": forecast.ticker,
        "as_of": forecast.as_of,
        "target_session": [forecast.target_sessions[step] for step in closed],
        "method": band,
        "kind": "walk_forward",
        "horizon": closed + 1,
        "quality": forecast.quality,
        "regime": forecast.regime,
    }
    quantiles, levels = forecast.log_returns[band][closed], np.array(forecast.levels)
    return pd.DataFrame({**facts, **_scores(quantiles, levels, walked.actual[closed])})


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


def _scores(quantiles: Floats, levels: Floats, actual: Floats) -> dict[str, object]:
    """The columns `SCORES` of (N, Q) quantiles and (N,) known outcomes."""
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
