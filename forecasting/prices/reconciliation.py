"""Put downloaded prices into the units of the store, or refuse them.

The vendor's prices are split-adjusted by one table and its splits announced by another, and the two can be
out of step for a day: a split without its adjustment, the adjustment without its split, a split that is
missing or on the wrong day. The stored bars are as traded, so they decide: the download is read with those
splits under which it agrees with them, and refused where none make it agree.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations

import numpy as np
import pandas as pd

from forecasting.calendars.sessions import Calendar
from forecasting.errors import ImplausibleCorrectionError, ScaleChangedError
from forecasting.prices.adjustment import PRICE_COLUMNS, adjust
from forecasting.prices.completeness import keep_sessions
from forecasting.prices.history import PriceHistory, empty_history
from forecasting.prices.identity import check_identity, check_moves
from forecasting.prices.revisions import BarDiff, diff_bars
from forecasting.prices.scale import (
    GREAT_SPLIT,
    SCALED,
    Dispute,
    Split,
    apply_disputes,
    carry_scale,
    falls_by,
    find_rescaled,
    list_splits,
    log_step,
    rescale_before,
    with_split,
)
from forecasting.prices.unworked_splits import check_splits_worked_in
from forecasting.prices.validation import check_jumps
from forecasting.text import format_count

MOST_DOUBTS = 4  # splits in doubt at once; each may be in the prices or not
LARGEST_CORRECTION = np.log(1.25)  # log; of a close that then fits its neighbours worse
FEWEST_CORRECTIONS = 5
FEWEST_RESCALED = 20  # bars of a file
CORRECTED_SHARE = 0.02  # of the bars downloaded; beyond it the vendor changed its method


@dataclass(frozen=True)
class _Doubt:
    """A split that may be in the prices or not: `announced` in the download, or known to the store alone."""

    split: Split
    announced: bool


def reconcile(
    stored: PriceHistory,
    download: PriceHistory,
    *,
    trusted: bool = False,
    owned: bool = False,
    disputes: Collection[Dispute] = (),
) -> PriceHistory:
    """Return the download in the units of the store, with the splits that its prices bear out.

    Where the scale changes, stored bars that the download lacks come with it in the new scale: no jump is
    left between the two.

    Args:
        stored: All that is stored of the ticker; may be empty.
        download: Bars and actions from the source, checked by `check_bars`.
        trusted: Believe the source where it contradicts the store, as it has done for days.
        owned: Take the download as it is, unless all of it is in other units or of another instrument: a
            file of its owner.
        disputes: Splits on which the source's own list counts.

    Raises:
        InstrumentChangedError: Another currency, kind or time zone than stored, no session of the store, or,
            in an owner's file, other daily moves.
        ScaleChangedError: Stored bars come back multiplied, and no split explains it.
        ImplausibleCorrectionError: Too many stored bars differ, or one by too much.
        PriceJumpError: A bar that is new or different jumps as no market does.
        UnadjustedSplitError: It steps by a split that the source does not know.
    """
    if download.bars.empty:
        return download
    if not trusted and not owned:
        check_identity(stored, download)
    if owned:
        check_moves(stored, download)
        _refuse_other_units(stored, download)
    known = apply_disputes(stored, download, disputes)
    reading = download if owned or stored.bars.empty else _find_reading(known, download)
    if reading is None and not trusted:
        raise _name_scale(known, download)
    whole = _complete(stored, known, reading or download, trusted=trusted)
    diff = diff_bars(known.bars, whole.bars, whole.actions["split"])
    fresh = diff.fresh if known is stored else diff_bars(stored.bars, whole.bars).fresh
    if fresh.empty:
        return whole
    merged = merge(known, whole)
    spanned = _cut_to_span(merged, stored, download)
    _check_splits_adjusted(spanned, fresh)
    check_jumps(spanned, fresh)
    check_splits_worked_in(spanned, fresh)
    if not trusted and not owned:
        _check_corrections(known, merged, diff)
    return whole


def accept_first(download: PriceHistory, calendar: Calendar | str) -> PriceHistory:
    """Return what a store without this ticker takes of a download.

    Args:
        download: Bars and actions from the source, checked by `check_bars`.
        calendar: Of the ticker's exchange.

    Raises:
        PriceError: It contradicts itself or the calendar.
    """
    return reconcile(empty_history(download.ticker), keep_sessions(download, calendar), owned=True)


def merge(stored: PriceHistory, download: PriceHistory) -> PriceHistory:
    """Join stored and downloaded bars into one history; downloaded values take precedence."""
    bars = download.bars.combine_first(stored.bars)
    index = stored.actions.index
    span = (index >= download.bars.index[0]) & (index <= download.bars.index[-1])
    return replace(download, bars=bars, actions=download.actions.combine_first(stored.actions[~span]))


def _complete(
    stored: PriceHistory, known: PriceHistory, reading: PriceHistory, *, trusted: bool
) -> PriceHistory:
    """Return the reading with every stored bar that it lacks and that a new scale or split changes.

    Args:
        stored: As it is.
        known: The same with the source's splits.
        reading: The download in the units of the store, or in its own where it is trusted.
        trusted: The reading's scale may be another than the store's.
    """
    moved = carry_scale(known, reading) if trusted else known
    lacking = moved.bars.index.difference(reading.bars.index)
    bars = moved.bars.loc[lacking]
    changed = (bars.fillna(-1.0) != stored.bars.loc[lacking].fillna(-1.0)).any(axis=1)
    if not changed.any():
        return reading
    joined = pd.concat([reading.bars, bars[changed]]).sort_index()
    return replace(reading, bars=joined, actions=merge(moved, reading).actions)


def _cut_to_span(merged: PriceHistory, stored: PriceHistory, download: PriceHistory) -> PriceHistory:
    """Return the part in which the source vouches for both bars of every step.

    It begins at the first downloaded bar, or at the stored bar before it where that first one is new.
    """
    first, last = download.bars.index[[0, -1]]
    before = stored.bars.index[stored.bars.index <= first]
    first = first if before.empty else before[-1]
    return replace(merged, bars=merged.bars.loc[first:last], actions=merged.actions.loc[first:last])


def _find_reading(stored: PriceHistory, download: PriceHistory) -> PriceHistory | None:
    """Return the first reading of the download that agrees with the store in scale; None where none does."""
    doubtful = list_splits(stored) ^ list_splits(download)
    readings = _enumerate_readings(stored, download)
    agreeing = (each for each in readings if not find_rescaled(stored.bars, each.bars, doubtful).any())
    return next(agreeing, None)


def _name_scale(stored: PriceHistory, download: PriceHistory) -> ScaleChangedError:
    """Return the error of a download that no reading brings to the scale of the store.

    Raises:
        PriceJumpError: The bars off scale are a spike, which has a better name.
    """
    off = find_rescaled(stored.bars, download.bars, list_splits(stored) ^ list_splits(download))
    check_jumps(_cut_to_span(merge(stored, download), stored, download), off.index[off])
    session = off.index[off][-1]
    was, now = (history.bars.loc[session, "close"] for history in (stored, download))
    return ScaleChangedError(
        download.ticker,
        f"close {was:g} at {session.date()} as stored",
        f"{now:g} at {format_count(off.sum(), 'bar')} alike",
    )


def _refuse_other_units(stored: PriceHistory, download: PriceHistory) -> None:
    """Refuse a file of which every stored bar comes back multiplied: scores of issued bands would be false.

    Raises:
        ScaleChangedError: All bars of both, and enough of them, moved by a factor that no dividend explains.
    """
    off = find_rescaled(stored.bars, download.bars, ())
    if len(off) < FEWEST_RESCALED or not off.all():
        return
    session = off.index[-1]
    was, now = (history.bars.loc[session, "close"] for history in (stored, download))
    if abs(np.log(now / was)) <= LARGEST_CORRECTION:  # a dividend, in a file of adjusted closes
        return
    raise ScaleChangedError(
        download.ticker,
        f"close {was:g} at {session.date()} as stored",
        f"{now:g}, and all {len(off)} stored bars multiplied alike, as by a split that the column splits "
        "lacks, or by other units",
    )


def _list_doubts(stored: PriceHistory, download: PriceHistory) -> list[_Doubt]:
    """Return the newest splits of the downloaded span.

    A split that both know is in doubt too: the vendor may serve prices from before it.
    """
    announced, known = list_splits(download), list_splits(stored)
    first, last = download.bars.index[0], download.bars.index[-1]
    missing = [split for split in known - announced if first <= split.session <= last]
    doubts = [_Doubt(split, True) for split in announced] + [_Doubt(split, False) for split in missing]
    return sorted(doubts, key=lambda doubt: doubt.split)[-MOST_DOUBTS:]


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
        reading = rescale_before(reading, doubt.split.session, factor)
    for doubt in doubts:
        reading = _read_split(reading, doubt, toggled=doubt in toggled)
    return reading


def _read_split(reading: PriceHistory, doubt: _Doubt, *, toggled: bool) -> PriceHistory:
    """Return the reading with the split, or without it, as its prices bear out."""
    if doubt.announced and not toggled:
        return reading  # an announced split counts as it is
    if not doubt.announced and toggled:
        return with_split(reading, doubt.split.session, doubt.split.ratio)
    # A split that the prices should not contain must show as a jump in them.
    ratio = doubt.split.ratio if falls_by(reading.bars, doubt.split) else 1.0
    if doubt.announced or ratio != 1.0:
        return with_split(reading, doubt.split.session, ratio)
    return reading


def _check_splits_adjusted(history: PriceHistory, fresh: pd.DatetimeIndex) -> None:
    """Refuse adjusted prices that still fall by a great split at its ex-date."""
    adjusted = adjust(history, history.last_session, "split_adjusted")
    for split in sorted(list_splits(history)):
        if abs(np.log(split.ratio)) <= GREAT_SPLIT:
            continue
        near = adjusted.index.searchsorted(split.session)
        if adjusted.index[max(near - 1, 0) : near + 1].isin(fresh).any():
            _refuse_unadjusted(history.ticker, adjusted, split)


def _refuse_unadjusted(ticker: str, adjusted: pd.DataFrame, split: Split) -> None:
    step, size = log_step(adjusted, split.session), abs(np.log(split.ratio))
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
