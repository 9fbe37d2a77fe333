"""A pull put into the units of the store, or refused: what a later pull may change, and what it may not.

The vendor's prices are split-adjusted by one table and its splits announced by another, and the two can be
out of step for a day: a split without its adjustment, the adjustment without its split, a split that is
missing or on the wrong day. The stored bars are as traded, so they decide: the pull is read with those splits
under which it agrees with them, and refused where none make it agree.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import combinations

import numpy as np
import pandas as pd

from forecasting.errors import ImplausibleCorrectionError, ScaleChangedError
from forecasting.prices.adjustment import PRICE_COLUMNS, adjust
from forecasting.prices.history import PriceHistory, as_actions
from forecasting.prices.revisions import BarDiff, diff_bars
from forecasting.prices.validation import check_facts, check_jumps

Split = tuple[pd.Timestamp, float]

UNIFORM = 2e-3  # log; open, high, low and close of a bar that only changed its scale move alike
SCALED = 5e-3  # log; smaller common factors are corrections
ALIKE = 3  # bars with one common factor are no accident
GREAT_SPLIT = np.log(1.5)  # log; larger than the moves that it could be mistaken for
TOGGLED = 4  # splits in doubt at once; each may be in the prices or not
LARGEST_CORRECTION = np.log(1.25)  # log; of a close that then fits its neighbours worse
FEWEST_CORRECTIONS = 5
CORRECTED_SHARE = 0.02  # of the bars pulled; beyond it the vendor changed its method, not its mind


def reconcile(stored: PriceHistory, pulled: PriceHistory, *, settled: bool = False) -> PriceHistory:
    """The pull in the units of the store, with the splits that its prices bear out.

    Args:
        stored: All that is stored of the ticker; may be empty.
        pulled: What the source says now, checked by `check_bars`.
        settled: Believe the source, which has contradicted the store for days or is its owner's own file.

    Raises:
        InstrumentChangedError: Another currency, kind or time zone than stored.
        ScaleChangedError: Stored bars come back multiplied, and no split explains it.
        ImplausibleCorrectionError: Too many stored bars differ, or one by too much.
        PriceJumpError: A bar that is new or different jumps as no market does.
    """
    if pulled.bars.empty:
        return pulled
    if not settled:
        check_facts(pulled.ticker, stored.facts, pulled.facts)
    read = pulled if settled or stored.bars.empty else _in_stored_units(stored, pulled)
    diff = diff_bars(stored.bars, read.bars, read.actions["split"])
    if diff.fresh.empty:
        return read
    merged = merge(stored, read)
    check_jumps(merged, diff.fresh)
    _check_splits_worked_in(merged, diff.fresh)
    if not settled:
        _check_corrections(stored, merged, diff)
    return read


def merge(stored: PriceHistory, pulled: PriceHistory) -> PriceHistory:
    """Stored and pulled bars as one history; the pull's word counts where both have one."""
    bars = pulled.bars.combine_first(stored.bars)
    span = (stored.actions.index >= pulled.bars.index[0]) & (stored.actions.index <= pulled.bars.index[-1])
    return replace(pulled, bars=bars, actions=pulled.actions.combine_first(stored.actions[~span]))


def _in_stored_units(stored: PriceHistory, pulled: PriceHistory) -> PriceHistory:
    doubtful = _splits(stored) ^ _splits(pulled)
    for reading in _readings(stored, pulled):
        if not _rescaled(stored.bars, reading.bars, doubtful).any():
            return reading
    off = _rescaled(stored.bars, pulled.bars, doubtful)
    check_jumps(merge(stored, pulled), off.index[off])  # a spike of a whole bar has a better name
    session = off.index[off][-1]
    was, now = (history.bars.loc[session, "close"] for history in (stored, pulled))
    raise ScaleChangedError(
        pulled.ticker,
        f"close {was:g} at {session.date()} as stored",
        f"{now:g} at {int(off.sum())} bars alike",
    )


def _doubts(stored: PriceHistory, pulled: PriceHistory) -> list[tuple[bool, Split]]:
    """The newest splits of the pulled span; True where the pull tells it, False where only the store knows.

    A split that both know is in doubt too: the vendor may serve prices from before it.
    """
    told, known = _splits(pulled), _splits(stored)
    span = (pulled.bars.index[0], pulled.bars.index[-1])
    missing = [split for split in known - told if span[0] <= split[0] <= span[1]]
    doubts = [(True, split) for split in told] + [(False, split) for split in missing]
    return sorted(doubts, key=lambda doubt: doubt[1])[-TOGGLED:]


def _splits(history: PriceHistory) -> set[Split]:
    ratios = history.actions["split"]
    return {(session, ratio) for session, ratio in ratios.items() if ratio != 1.0}


def _readings(stored: PriceHistory, pulled: PriceHistory) -> Iterator[PriceHistory]:
    """The pull as it is, then with each set of doubtful splits taken the other way."""
    doubts = _doubts(stored, pulled)
    for size in range(len(doubts) + 1):
        for toggled in combinations(doubts, size):
            yield _read(pulled, doubts, toggled)


def _read(
    pulled: PriceHistory, doubts: list[tuple[bool, Split]], toggled: tuple[tuple[bool, Split], ...]
) -> PriceHistory:
    """The pull with the `toggled` splits taken the other way: not undone where told, undone where not."""
    reading = pulled
    for told, (session, ratio) in toggled:
        reading = _rescale(reading, session, 1.0 / ratio if told else ratio)
    for doubt in doubts:
        told, (session, ratio) = doubt
        real = told != (doubt in toggled) or _jumps_by(reading.bars, session, ratio)
        # A told split counts as it is; one that the prices do not contain must show as a jump in them.
        if told and not real:
            reading = _with_split(reading, session, 1.0)
        if not told and (doubt in toggled or real):
            reading = _with_split(reading, session, ratio)
    return reading


def _rescale(history: PriceHistory, session: pd.Timestamp, factor: float) -> PriceHistory:
    """Prices and dividends before `session` times the factor, volume divided by it."""
    bars, actions = history.bars.copy(), history.actions.copy()
    earlier = bars.index < session
    bars.loc[earlier, PRICE_COLUMNS] *= factor
    bars.loc[earlier, "volume"] /= factor
    actions.loc[actions.index < session, "dividend"] *= factor
    return replace(history, bars=bars, actions=actions)


def _with_split(history: PriceHistory, session: pd.Timestamp, ratio: float) -> PriceHistory:
    actions = history.actions.copy()
    dividend = actions.loc[session, "dividend"] if session in actions.index else 0.0
    actions.loc[session] = {"split": ratio, "dividend": dividend}
    return replace(history, actions=as_actions(actions.sort_index()))


def _jumps_by(bars: pd.DataFrame, session: pd.Timestamp, ratio: float) -> bool:
    """Whether as-traded closes fall by about the ratio at its ex-date."""
    place = bars.index.get_indexer([session])[0]
    if place < 1:
        return False
    step = np.log(bars["close"].iloc[place] / bars["close"].iloc[place - 1])
    return bool(abs(step + np.log(ratio)) < abs(step))


def _rescaled(stored: pd.DataFrame, pulled: pd.DataFrame, doubtful: set[Split]) -> pd.Series:
    """(T,) whether a bar that both have changed its scale: by a factor shared with others, or by a split."""
    common = pulled.index.intersection(stored.index)
    factors = np.log(pulled.loc[common, PRICE_COLUMNS] / stored.loc[common, PRICE_COLUMNS])  # (T, 4)
    factor = factors["close"]
    uniform = (factors.max(axis=1) - factors.min(axis=1) < UNIFORM) & (factor.abs() > SCALED)
    shared = factor.round(2).map(factor[uniform].round(2).value_counts()).fillna(0) >= ALIKE
    by_split = pd.Series(False, index=common)
    for _, ratio in doubtful:
        by_split |= (factor.abs() - abs(np.log(ratio))).abs() < SCALED
    return uniform & (shared | by_split)


def _check_splits_worked_in(history: PriceHistory, fresh: pd.DatetimeIndex) -> None:
    """Refuse adjusted prices that still fall by a great split at its ex-date."""
    splits = history.actions["split"]
    great = splits[np.log(splits).abs() > GREAT_SPLIT]
    adjusted = adjust(history, history.last_session, "split_adjusted")
    for session, ratio in great.items():
        near = adjusted.index.searchsorted(session)
        if adjusted.index[max(near - 1, 0) : near + 1].isin(fresh).any():
            _refuse_split(history, adjusted, session, ratio)


def _refuse_split(history: PriceHistory, adjusted: pd.DataFrame, session: pd.Timestamp, ratio: float) -> None:
    place = adjusted.index.get_indexer([session])[0]
    if place < 1:
        return
    step = np.log(adjusted["close"].iloc[place] / adjusted["close"].iloc[place - 1])
    if abs(abs(step) - abs(np.log(ratio))) < abs(np.log(ratio)) / 4:
        day: date = session.date()
        raise ScaleChangedError(
            history.ticker, f"prices with the split {ratio:g} of {day} worked in once", "a jump of its size"
        )


def _check_corrections(stored: PriceHistory, merged: PriceHistory, diff: BarDiff) -> None:
    changed = diff.restated.index
    if changed.empty:
        return
    limit = max(FEWEST_CORRECTIONS, CORRECTED_SHARE * (len(changed) + diff.unchanged))
    prices = merged.bars.loc[changed, PRICE_COLUMNS] / stored.bars.loc[changed, PRICE_COLUMNS]
    many = int((np.log(prices).abs().max(axis=1) > SCALED / 100).sum())
    if many > limit:
        expected = f"at most {limit:.0f} corrections of stored bars in a pull"
        raise ImplausibleCorrectionError(merged.ticker, expected, f"{many}")
    before, now = (_steps(replace(merged, bars=bars)) for bars in (stored.bars, merged.bars))
    great = np.log(prices["close"]).abs() > LARGEST_CORRECTION
    worse = great & (now.loc[changed] > before.loc[changed].fillna(0.0))
    if worse.any():
        session = changed[worse][-1]
        expected = f"close {stored.bars.loc[session, 'close']:g} at {session.date()} or nearby"
        found = f"{merged.bars.loc[session, 'close']:g}"
        raise ImplausibleCorrectionError(merged.ticker, expected, found)


def _steps(history: PriceHistory) -> pd.Series:
    closes = adjust(history, history.last_session, "split_adjusted")["close"]
    return np.log(closes).diff().abs()
