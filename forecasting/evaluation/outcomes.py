"""Scores of bands whose target session has closed.

All on the price basis of the run that issued them, in the units of the issue date: a split in between changes
no score.
"""

from collections.abc import Mapping
from datetime import date
from itertools import compress
from types import MappingProxyType

import numpy as np
import pandas as pd

from forecasting.evaluation.scores import Scores
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.prices.adjustment import later_product
from forecasting.prices.history import PriceHistory
from forecasting.tables import BAND_SCORES, ISSUED_BANDS
from forecasting.types import Floats, PriceBasis

_FACTS = ["as_of", "target_session", "horizon", "kind", "quality", "regime", "reports_ahead"]


def score_issued(
    issued: pd.DataFrame, history: PriceHistory, units: Mapping[date, float] = MappingProxyType({})
) -> pd.DataFrame:
    """Score one ticker's bands; targets without a close are left out.

    Args:
        issued: ISSUED_BANDS, one row a band, target session and level.
        history: Prices up to the last session that counts as closed.
        units: Session of a forecast -> factor by which the prices were multiplied since it was issued; NaN
            leaves its targets out.

    Returns:
        BAND_SCORES, one row a band and target session.
    """
    ISSUED_BANDS.check(issued)
    factors = find_factors(issued, units)
    held = issued.assign(
        actual_close=_restate_closes(issued, history) / factors,
        anchor_close=issued["anchor_close"] * factors,
    )
    parts = [_score_basis(rows, history, basis) for basis, rows in held.groupby("price_basis", sort=True)]
    return pd.concat(parts, ignore_index=True) if parts else BAND_SCORES.empty()


def find_factors(issued: pd.DataFrame, units: Mapping[date, float]) -> Floats:
    """(N,) factor of the units of each row's `as_of`, 1.0 where they are those of the issue."""
    sessions = pd.DatetimeIndex(pd.to_datetime(issued["as_of"])).date
    return np.array([units.get(as_of, 1.0) for as_of in sessions], np.float64)


def tabulate_scores(facts: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    """Put scores into BAND_SCORES.

    Args:
        facts: (N,) rows of ticker, as_of, target_session, band, kind, horizon, quality, regime and
            reports_ahead and actual_close.
        scores: (N,) scores whose outcomes are known.
    """
    below, above = (miss.astype(np.int64) for miss in scores.misses)
    pinball_lower, pinball_upper = scores.pinball
    columns: dict[str, Floats | float] = {
        "nominal_coverage": scores.nominal_coverage,
        "lower": scores.lower,
        "median": scores.median,
        "upper": scores.upper,
        "actual_log_return": scores.outcome,
        "inside": 1 - below - above,
        "below": below,
        "above": above,
        "crps": scores.crps,
        "winkler": scores.winkler,
        "pinball_lower": pinball_lower,
        "pinball_upper": pinball_upper,
    }
    return facts.assign(**columns)[BAND_SCORES.names]


def _score_basis(issued: pd.DataFrame, history: PriceHistory, basis: PriceBasis) -> pd.DataFrame:
    returns = compute_daily_returns(history, basis)
    wide = issued.pivot(index=["as_of", "target_session", "band"], columns="level", values="log_return")  # noqa: PD010  refuses doubles
    facts = issued[[*_FACTS, "anchor_close", "actual_close"]].drop_duplicates(["as_of", "target_session"])
    facts = facts.assign(ticker=returns.ticker, outcome=_realise(facts, returns))
    levels = [float(level) for level in wide.columns]
    rows = wide.reset_index().merge(facts[facts["outcome"].notna()], on=["as_of", "target_session"])
    parts = [
        tabulate_scores(
            part.drop(columns=levels).reset_index(drop=True),
            Scores(kept, part[list(kept)].to_numpy(np.float64), part["outcome"].to_numpy(np.float64)),
        )
        for kept, part in _group_by_levels(rows, levels)
    ]
    return pd.concat(parts, ignore_index=True) if parts else BAND_SCORES.empty()


def _realise(facts: pd.DataFrame, returns: DailyReturns) -> Floats:
    """(N,) cumulative log returns from each anchor close to its target session, NaN without a close."""
    realised = np.full(len(facts), np.nan)
    as_of = pd.to_datetime(facts["as_of"])
    targets = pd.to_datetime(facts["target_session"]).to_numpy("datetime64[D]")
    anchors = facts["anchor_close"].to_numpy(np.float64)
    for (session, anchor), rows in pd.Series(range(len(facts))).groupby([as_of.to_numpy(), anchors]):
        index = rows.to_numpy()
        realised[index] = returns.realised(pd.Timestamp(session).date(), targets[index], anchor)
    return realised


def _restate_closes(issued: pd.DataFrame, history: PriceHistory) -> Floats:
    """(N,) closes of the target sessions in the units of `as_of`, NaN without a close."""
    as_of, targets = (pd.DatetimeIndex(pd.to_datetime(issued[name])) for name in ("as_of", "target_session"))
    splits = history.actions["split"]
    closes: Floats = history.bars["close"].reindex(targets).to_numpy(np.float64)
    return closes * (later_product(as_of, splits) / later_product(targets, splits))


def _group_by_levels(rows: pd.DataFrame, levels: list[float]) -> list[tuple[tuple[float, ...], pd.DataFrame]]:
    """Return the rows in groups that have the same levels: those of earlier releases were a setting."""
    given = [rows[level].notna() for level in levels]
    return [(tuple(compress(levels, present)), part) for present, part in rows.groupby(given)]
