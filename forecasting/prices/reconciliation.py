"""Put downloaded prices into the units of the store, or refuse them.

The vendor's prices are split-adjusted by one table and its splits announced by another, and the two can be
out of step for a day: a split without its adjustment, the adjustment without its split, a split that is
missing or on the wrong day. The stored bars are as traded, so they decide: the download is read with those
splits under which it agrees with them, and refused where none make it agree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations

import numpy as np
import pandas as pd

from forecasting.calendars.sessions import Calendar
from forecasting.errors import ImplausibleCorrectionError, ScaleChangedError
from forecasting.prices.adjustment import PRICE_COLUMNS, adjust
from forecasting.prices.completeness import keep_sessions
from forecasting.prices.history import PriceHistory, as_actions, empty_history
from forecasting.prices.identity import check_identity
from forecasting.prices.revisions import BarDiff, diff_bars
from forecasting.prices.unworked_splits import check_splits_worked_in
from forecasting.prices.validation import check_jumps

UNIFORM = 2e-3  # log; open, high, low and close of a bar that only changed its scale move alike
SCALED = 5e-3  # log; smaller common factors are corrections
ALIKE = 3  # bars with one common factor are no accident
GREAT_SPLIT = np.log(1.5)  # log; larger than the moves that it could be mistaken for
MOST_DOUBTS = 4  # splits in doubt at once; each may be in the prices or not
LARGEST_CORRECTION = np.log(1.25)  # log; of a close that then fits its neighbours worse
FEWEST_CORRECTIONS = 5
CORRECTED_SHARE = 0.02  # of the bars downloaded; beyond it the vendor changed its method


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
class _Doubt:
    """A split that may be in the prices or not: `announced` in the download, or known to the store alone."""

    split: Split
    announced: bool


def reconcile(stored: PriceHistory, download: PriceHistory, *, trusted: bool = False) -> PriceHistory:
    """Return the download in the units of the store, with the splits that its prices bear out.

    Args:
        stored: All that is stored of the ticker; may be empty.
        download: Bars and actions from the source, checked by `check_bars`.
        trusted: Believe the source, which has contradicted the store for days or is its owner's own file.

    Raises:
        InstrumentChangedError: Another currency, kind or time zone than stored, or no session of the store.
        ScaleChangedError: Stored bars come back multiplied, and no split explains it.
        ImplausibleCorrectionError: Too many stored bars differ, or one by too much.
        PriceJumpError: A bar that is new or different jumps as no market does.
        UnadjustedSplitError: It steps by a split that the source does not know.
    """
    if download.bars.empty:
        return download
    if not trusted:
        check_identity(stored, download)
    reading = download if trusted or stored.bars.empty else _find_reading(stored, download)
    diff = diff_bars(stored.bars, reading.bars, reading.actions["split"])
    if diff.fresh.empty:
        return reading
    merged = merge(stored, reading)
    check_jumps(merged, diff.fresh)
    _check_splits_adjusted(merged, diff.fresh)
    check_splits_worked_in(merged, diff.fresh)
    if not trusted:
        _check_corrections(stored, merged, diff)
    return reading


def accept_first(download: PriceHistory, calendar: Calendar | str) -> PriceHistory:
    """Return what a store without this ticker takes of a download.

    Args:
        download: Bars and actions from the source, checked by `check_bars`.
        calendar: Of the ticker's exchange.

    Raises:
        PriceError: It contradicts itself or the calendar.
    """
    return reconcile(empty_history(download.ticker), keep_sessions(download, calendar), trusted=True)


def merge(stored: PriceHistory, download: PriceHistory) -> PriceHistory:
    """Join stored and downloaded bars into one history; downloaded values take precedence."""
    bars = download.bars.combine_first(stored.bars)
    index = stored.actions.index
    span = (index >= download.bars.index[0]) & (index <= download.bars.index[-1])
    return replace(download, bars=bars, actions=download.actions.combine_first(stored.actions[~span]))


def _find_reading(stored: PriceHistory, download: PriceHistory) -> PriceHistory:
    """Return the first reading of the download that agrees with the store in scale.

    Raises:
        PriceJumpError: The bars off scale are a spike.
        ScaleChangedError: No reading agrees.
    """
    doubtful = _list_splits(stored) ^ _list_splits(download)
    for reading in _enumerate_readings(stored, download):
        if not _find_rescaled(stored.bars, reading.bars, doubtful).any():
            return reading
    off = _find_rescaled(stored.bars, download.bars, doubtful)
    check_jumps(merge(stored, download), off.index[off])  # a spike of a whole bar has a better name
    session = off.index[off][-1]
    was, now = (history.bars.loc[session, "close"] for history in (stored, download))
    raise ScaleChangedError(
        download.ticker,
        f"close {was:g} at {session.date()} as stored",
        f"{now:g} at {int(off.sum())} bars alike",
    )


def _list_doubts(stored: PriceHistory, download: PriceHistory) -> list[_Doubt]:
    """Return the newest splits of the downloaded span.

    A split that both know is in doubt too: the vendor may serve prices from before it.
    """
    announced, known = _list_splits(download), _list_splits(stored)
    first, last = download.bars.index[0], download.bars.index[-1]
    missing = [split for split in known - announced if first <= split.session <= last]
    doubts = [_Doubt(split, True) for split in announced] + [_Doubt(split, False) for split in missing]
    return sorted(doubts, key=lambda doubt: doubt.split)[-MOST_DOUBTS:]


def _list_splits(history: PriceHistory) -> set[Split]:
    ratios = history.actions["split"]
    return {Split(session, ratio) for session, ratio in ratios.items() if ratio != 1.0}


def _enumerate_readings(stored: PriceHistory, download: PriceHistory) -> Iterator[PriceHistory]:
    """Yield the download as it is, then with each set of doubtful splits read the other way."""
    doubts = _list_doubts(stored, download)
    for size in range(len(doubts) + 1):
        for toggled in combinations(doubts, size):
            yield _read_with(download, doubts, toggled)


def _read_with(download: PriceHistory, doubts: Sequence[_Doubt], toggled: Sequence[_Doubt]) -> PriceHistory:
    """Read the `toggled` splits the other way: not undone where announced, undone where not."""
    reading = download
    for doubt in toggled:
        factor = 1.0 / doubt.split.ratio if doubt.announced else doubt.split.ratio
        reading = _rescale_before(reading, doubt.split.session, factor)
    for doubt in doubts:
        reading = _settle_split(reading, doubt, toggled=doubt in toggled)
    return reading


def _settle_split(reading: PriceHistory, doubt: _Doubt, *, toggled: bool) -> PriceHistory:
    """Return the reading with the split, or without it, as its prices bear out."""
    if doubt.announced and not toggled:
        return reading  # an announced split counts as it is
    if not doubt.announced and toggled:
        return _with_split(reading, doubt.split.session, doubt.split.ratio)
    # A split that the prices should not contain must show as a jump in them.
    ratio = doubt.split.ratio if _falls_by(reading.bars, doubt.split) else 1.0
    if doubt.announced or ratio != 1.0:
        return _with_split(reading, doubt.split.session, ratio)
    return reading


def _rescale_before(history: PriceHistory, session: pd.Timestamp, factor: float) -> PriceHistory:
    """Multiply prices and dividends before `session` by the factor, divide volume by it."""
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


def _falls_by(bars: pd.DataFrame, split: Split) -> bool:
    """Return whether as-traded closes fall by about the ratio at its ex-date."""
    step = _log_step(bars, split.session)
    return step is not None and abs(step + np.log(split.ratio)) < abs(step)


def _log_step(bars: pd.DataFrame, session: pd.Timestamp) -> float | None:
    """Return the log change of the close into `session`; None without a bar there or before."""
    index = bars.index.get_indexer([session])[0]
    if index < 1:
        return None
    return float(np.log(bars["close"].iloc[index] / bars["close"].iloc[index - 1]))


def _find_rescaled(stored: pd.DataFrame, download: pd.DataFrame, doubtful: set[Split]) -> pd.Series:
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


def _check_splits_adjusted(history: PriceHistory, fresh: pd.DatetimeIndex) -> None:
    """Refuse adjusted prices that still fall by a great split at its ex-date."""
    adjusted = adjust(history, history.last_session, "split_adjusted")
    for split in sorted(_list_splits(history)):
        if abs(np.log(split.ratio)) <= GREAT_SPLIT:
            continue
        near = adjusted.index.searchsorted(split.session)
        if adjusted.index[max(near - 1, 0) : near + 1].isin(fresh).any():
            _refuse_unadjusted(history.ticker, adjusted, split)


def _refuse_unadjusted(ticker: str, adjusted: pd.DataFrame, split: Split) -> None:
    step, size = _log_step(adjusted, split.session), abs(np.log(split.ratio))
    if step is not None and abs(abs(step) - size) < size / 4:
        day: date = split.session.date()
        expected = f"prices with the split {split.ratio:g} of {day} worked in once"
        raise ScaleChangedError(ticker, expected, "a jump of its size")


def _check_corrections(stored: PriceHistory, merged: PriceHistory, diff: BarDiff) -> None:
    changed = diff.restated.index
    if changed.empty:
        return
    limit = max(FEWEST_CORRECTIONS, CORRECTED_SHARE * (len(changed) + diff.unchanged))
    prices = merged.bars.loc[changed, PRICE_COLUMNS] / stored.bars.loc[changed, PRICE_COLUMNS]
    many = int((np.log(prices).abs().max(axis=1) > SCALED / 100).sum())
    if many > limit:
        expected = f"at most {limit:.0f} corrections of stored bars in one download"
        raise ImplausibleCorrectionError(merged.ticker, expected, f"{many}")
    before, now = (_absolute_steps(replace(merged, bars=bars)) for bars in (stored.bars, merged.bars))
    great = np.log(prices["close"]).abs() > LARGEST_CORRECTION
    worse = great & (now.loc[changed] > before.loc[changed].fillna(0.0))
    if worse.any():
        session = changed[worse][-1]
        expected = f"close {stored.bars.loc[session, 'close']:g} at {session.date()} or nearby"
        found = f"{merged.bars.loc[session, 'close']:g}"
        raise ImplausibleCorrectionError(merged.ticker, expected, found)


def _absolute_steps(history: PriceHistory) -> pd.Series:
    closes = adjust(history, history.last_session, "split_adjusted")["close"]
    return np.log(closes).diff().abs()
