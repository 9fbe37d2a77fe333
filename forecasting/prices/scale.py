"""The scale of prices: splits, bars that changed their units, and what has to change with them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from forecasting.prices.adjustment import PRICE_COLUMNS
from forecasting.prices.history import PriceHistory, as_actions
from forecasting.prices.revisions import VOLUME_RTOL
from forecasting.types import Floats

UNIFORM = 2e-3  # log; open, high, low and close of a bar that only changed its scale move alike
SCALED = 5e-3  # log; smaller common factors are corrections
ALIKE = 3  # bars with one common factor are no accident
GREAT_SPLIT = np.log(1.5)  # log; larger than the moves that it could be mistaken for


@dataclass(frozen=True, order=True)
class Split:
    """A stock split.

    Attributes:
        session: The ex-date.
        ratio: New shares per old.
    """

    session: pd.Timestamp
    ratio: float


@dataclass(frozen=True)
class Dispute:
    """A split on which the source has contradicted the store long enough for its own list to count.

    Attributes:
        session: The ex-date.
        recorded: True if bars before the ex-date were stored before it, as they were traded.
    """

    session: date
    recorded: bool


def list_splits(history: PriceHistory) -> set[Split]:
    """Return the splits of a history."""
    ratios = history.actions["split"]
    return {Split(session, ratio) for session, ratio in ratios.items() if ratio != 1.0}


def rescale_before(history: PriceHistory, session: pd.Timestamp, factor: float) -> PriceHistory:
    """Multiply prices and dividends before `session` by the factor, divide volume by it."""
    bars, actions = history.bars.copy(), history.actions.copy()
    earlier = bars.index < session
    bars.loc[earlier, PRICE_COLUMNS] *= factor
    bars.loc[earlier, "volume"] /= factor
    actions.loc[actions.index < session, "dividend"] *= factor
    return replace(history, bars=bars, actions=actions)


def with_split(history: PriceHistory, session: pd.Timestamp, ratio: float) -> PriceHistory:
    """Return the history with this ratio at an ex-date, whatever it was; 1.0 takes a split out."""
    actions = history.actions.copy()
    dividend = actions.loc[session, "dividend"] if session in actions.index else 0.0
    actions.loc[session] = {"split": ratio, "dividend": dividend}
    return replace(history, actions=as_actions(actions.sort_index()))


def falls_by(bars: pd.DataFrame, split: Split) -> bool:
    """Return whether as-traded closes fall by about the ratio at its ex-date."""
    step = log_step(bars, split.session)
    return step is not None and abs(step + np.log(split.ratio)) < abs(step)


def log_step(bars: pd.DataFrame, session: pd.Timestamp) -> float | None:
    """Return the log change of the close into the first bar from `session` on; None without one before."""
    index = bars.index.searchsorted(session)
    if not 1 <= index < len(bars):
        return None
    return float(np.log(bars["close"].iloc[index] / bars["close"].iloc[index - 1]))


def find_rescaled(stored: pd.DataFrame, download: pd.DataFrame, doubtful: Collection[Split]) -> pd.Series:
    """(T,) true where a bar of both changed its scale: by a factor shared with others, or by a split."""
    common = download.index.intersection(stored.index)
    factors = np.log(download.loc[common, PRICE_COLUMNS] / stored.loc[common, PRICE_COLUMNS])  # (T, 4)
    factor = factors["close"]
    uniform = (factors.max(axis=1) - factors.min(axis=1) < UNIFORM) & (factor.abs() > SCALED)
    shared = factor.round(2).map(factor[uniform].round(2).value_counts()).fillna(0) >= ALIKE
    by_split = pd.Series(False, index=common)
    for split in doubtful:
        by_split |= (factor.abs() - abs(np.log(split.ratio))).abs() < SCALED
    return uniform & (shared | by_split)


def apply_disputes(
    stored: PriceHistory, download: PriceHistory, disputes: Collection[Dispute]
) -> PriceHistory:
    """Return the stored history with the source's disputed splits, where its prices bear them out.

    A split that was taken back leaves the bars before it as they are, where the source lists them so, or in
    the units of the shares after it, where those bars were stored after the split and so had it undone.
    """
    for dispute in sorted(disputes, key=lambda each: each.session):
        session = pd.Timestamp(dispute.session)
        was, now = (_ratio_at(history, session) for history in (stored, download))
        if was == now or not download.bars.index[0] <= session <= download.bars.index[-1]:
            continue
        replaced = with_split(stored, session, now)
        candidates = [] if _is_borne_out(stored, Split(session, was)) else [replaced]
        if not dispute.recorded:
            candidates.append(rescale_before(replaced, session, now / was))
        doubtful = {Split(session, now / was)}
        agreeing = (each for each in candidates if not _differs(each, download, doubtful))
        stored = next(agreeing, stored)
    return stored


def _differs(stored: PriceHistory, download: PriceHistory, doubtful: Collection[Split]) -> bool:
    return bool(find_rescaled(stored.bars, download.bars, doubtful).any())


def _is_borne_out(history: PriceHistory, split: Split) -> bool:
    """Return whether as-traded closes show a split that no move could be mistaken for."""
    return abs(np.log(split.ratio)) > GREAT_SPLIT and falls_by(history.bars, split)


def _ratio_at(history: PriceHistory, session: pd.Timestamp) -> float:
    ratios = history.actions["split"]
    return float(ratios.loc[session]) if session in ratios.index else 1.0


def carry_scale(stored: PriceHistory, reading: PriceHistory) -> PriceHistory:
    """Return the stored history with all that the reading lacks in the reading's scale.

    Each bar and dividend takes the factor of the nearest bars that both hold, so that no jump is left where
    the reading begins or ends. Without a bar in common nothing changes.
    """
    common = reading.bars.index.intersection(stored.bars.index)
    if common.empty:
        return stored
    ratios = reading.bars.loc[common] / stored.bars.loc[common]
    prices = _smooth(ratios["close"], SCALED)
    shares = _smooth(ratios["volume"], VOLUME_RTOL)
    bars, actions = stored.bars.copy(), stored.actions.copy()
    bars[PRICE_COLUMNS] = bars[PRICE_COLUMNS].mul(_nearest(prices, bars.index), axis=0)
    bars["volume"] *= _nearest(shares, bars.index)
    actions["dividend"] *= _nearest(prices, actions.index)
    return replace(stored, bars=bars, actions=actions)


def find_unit_change(was: pd.Series, now: pd.Series) -> float:
    """Return the factor by which the units of a session's close have changed; 1.0 where they have not.

    A correction moves one close; other units move those of the sessions before it alike.

    Args:
        was: (N,) closes of sessions up to and with that one, as they were then; the last ALIKE + 1 count.
        now: (N,) the same, as they are stored now.

    Examples:
        >>> was = pd.Series([50.0, 51.0, 52.0, 53.0])
        >>> [float(round(find_unit_change(was, was * factors), 6)) for factors in (100, [1, 1, 1, 1.01])]
        [100.0, 1.0]
    """
    factors = np.log(now.to_numpy(np.float64) / was.to_numpy(np.float64))[-1 - ALIKE :]
    last, before = factors[-1], factors[:-1]
    if len(before) < ALIKE or not np.isfinite(factors).all():
        return 1.0
    common = float(np.median(before))
    is_common = np.ptp(before) < abs(common) / 4
    return float(np.exp(common)) if is_common and abs(last - common) < abs(last) else 1.0


def _smooth(ratios: pd.Series, tolerance: float) -> pd.Series:
    """(T,) median of `ALIKE` neighbours, so that one corrected bar moves no other; 1 where near to it."""
    finite = ratios.where((ratios > 0) & np.isfinite(ratios))
    smooth = finite.rolling(ALIKE, center=True, min_periods=1).median().fillna(1.0)
    return smooth.where(np.log(smooth).abs() > tolerance, 1.0)


def _nearest(factors: pd.Series, sessions: pd.DatetimeIndex) -> Floats:
    """(T,) factor of the nearest session that has one."""
    found: Floats = factors.to_numpy()[factors.index.get_indexer(sessions, method="nearest")]
    return found
