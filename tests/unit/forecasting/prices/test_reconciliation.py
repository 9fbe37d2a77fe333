"""A download against the store: how splits and prices of a confused vendor are read."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasting.calendars.sessions import sessions_between
from forecasting.errors import (
    ImplausibleCorrectionError,
    InstrumentChangedError,
    PriceJumpError,
    ScaleChangedError,
)
from forecasting.prices.adjustment import PRICE_COLUMNS, adjust, undo_splits
from forecasting.prices.history import InstrumentFacts, PriceHistory, as_actions, as_bars
from forecasting.prices.reconciliation import merge, reconcile
from forecasting.prices.scale import Dispute
from forecasting.prices.validation import find_unlikely_jumps

DAYS = pd.DatetimeIndex(sessions_between("XNYS", date(2024, 1, 2), date(2024, 6, 5)))
EX = DAYS[-1]
PRICES = ["open", "high", "low", "close"]


def make_actions(
    splits: dict[pd.Timestamp, float] | None = None, dividends: dict[pd.Timestamp, float] | None = None
) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"split": pd.Series(splits or {}), "dividend": pd.Series(dividends or {})}, dtype=float
    )
    frame.index = pd.DatetimeIndex(frame.index)
    return as_actions(frame)


def traded(ex: pd.Timestamp = EX, ratio: float = 4.0) -> PriceHistory:
    """As traded: about 400 until the split, about 100 from it on."""
    close = 400 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, len(DAYS))))
    close = np.where(ex <= DAYS, close / ratio, close)
    volume = np.where(ex <= DAYS, 1000 * ratio, 1000.0)
    columns = {"open": close * 0.999, "high": close * 1.01, "low": close * 0.99, "close": close}
    return PriceHistory(
        "ACME", as_bars(pd.DataFrame(columns | {"volume": volume}, DAYS)), make_actions({ex: ratio})
    )


TRUTH = traded()
STORED = TRUTH.until(DAYS[-2].date())


def download(prices: pd.DataFrame, splits: dict[pd.Timestamp, float]) -> PriceHistory:
    """The vendor's prices, read with the vendor's splits."""
    return PriceHistory("ACME", *undo_splits(prices, make_actions(splits)))


def worked_in(history: PriceHistory = TRUTH) -> pd.DataFrame:
    return adjust(history, history.last_session, "split_adjusted")


def scaled(history: PriceHistory, days: pd.DatetimeIndex | pd.Timestamp, factor: float) -> PriceHistory:
    bars = history.bars.copy()
    bars.loc[days, PRICES] *= factor
    return replace(history, bars=bars)


def assert_same(found: PriceHistory, truth: PriceHistory) -> None:
    pd.testing.assert_frame_equal(found.bars, truth.bars, rtol=1e-9)
    pd.testing.assert_frame_equal(found.actions, truth.actions)


@pytest.mark.parametrize("stored", [STORED, TRUTH, replace(STORED, bars=STORED.bars.iloc[:0])])
def test_a_split_announced_rightly_is_taken_as_announced(stored: PriceHistory) -> None:
    assert_same(reconcile(stored, download(worked_in(), {EX: 4.0})), TRUTH)


@pytest.mark.parametrize("stored", [STORED, TRUTH])
def test_a_split_that_is_not_worked_in_yet_is_not_undone(stored: PriceHistory) -> None:
    assert_same(reconcile(stored, download(TRUTH.bars, {EX: 4.0})), TRUTH)


def test_a_split_that_is_not_announced_today_is_remembered() -> None:
    assert_same(reconcile(TRUTH, download(worked_in(), {})), TRUTH)


def test_a_split_on_another_day_than_stored_is_the_stored_one() -> None:
    assert_same(reconcile(TRUTH, download(worked_in(), {DAYS[-3]: 4.0})), TRUTH)


def test_a_split_that_never_was_is_dropped() -> None:
    calm = PriceHistory("ACME", TRUTH.bars.iloc[:-1], make_actions())
    assert_same(reconcile(calm.until(DAYS[-5].date()), download(calm.bars, {DAYS[-3]: 4.0})), calm)


@pytest.mark.parametrize("splits", [{}, {DAYS[-3]: 4.0}, {EX: 3.0}])
def test_prices_that_no_announced_split_explains_are_refused(splits: dict[pd.Timestamp, float]) -> None:
    with pytest.raises(ScaleChangedError, match="as stored, found"):
        reconcile(STORED, download(worked_in(), splits))


def test_a_first_download_whose_split_is_not_worked_in_is_refused() -> None:
    nothing = replace(STORED, bars=STORED.bars.iloc[:0], actions=make_actions())
    with pytest.raises(ScaleChangedError, match="split 4 of 2024-06-05"):
        reconcile(nothing, download(TRUTH.bars, {EX: 4.0}))


def test_pounds_for_pence_are_refused() -> None:
    with pytest.raises(ScaleChangedError):
        reconcile(STORED, scaled(STORED, DAYS[:-1], 0.01))


def test_prices_less_their_dividends_are_refused() -> None:
    with pytest.raises(ScaleChangedError):
        reconcile(STORED, scaled(STORED, DAYS[:60], 0.99))


def test_a_single_corrected_bar_is_accepted() -> None:
    corrected = scaled(STORED, DAYS[-9], 1.02)
    assert_same(reconcile(STORED, corrected), corrected)


def test_a_correction_towards_the_neighbours_is_accepted_whatever_its_size() -> None:
    slip = scaled(STORED, DAYS[-2], 1.45)
    assert_same(reconcile(slip, STORED), STORED)


def test_a_correction_away_from_the_neighbours_is_refused() -> None:
    with pytest.raises(ImplausibleCorrectionError, match="or nearby"):
        reconcile(STORED, scaled(STORED, DAYS[-9], 1.4))


def test_a_spike_in_an_old_bar_is_called_a_jump() -> None:
    with pytest.raises(PriceJumpError):
        reconcile(STORED, scaled(STORED, DAYS[-9], 10.0))


def test_many_corrections_at_once_are_refused() -> None:
    noise = np.random.default_rng(1).normal(1, 0.002, (30, 1))
    bars = STORED.bars.copy()
    bars.loc[DAYS[:30], PRICES] *= noise
    with pytest.raises(ImplausibleCorrectionError, match="at most 5 corrections"):
        reconcile(STORED, replace(STORED, bars=bars))


def test_a_trusted_source_is_accepted() -> None:
    halved = scaled(STORED, DAYS[:-1], 0.5)
    contradicting = replace(halved, facts=InstrumentFacts(currency="EUR"))
    stored = replace(STORED, facts=InstrumentFacts(currency="USD"))
    with pytest.raises(InstrumentChangedError):
        reconcile(stored, contradicting)
    assert_same(reconcile(stored, contradicting, trusted=True), halved)


def test_a_download_without_bars_changes_nothing() -> None:
    nothing = replace(STORED, bars=STORED.bars.iloc[:0])
    assert reconcile(STORED, nothing) is nothing


def test_a_merged_history_has_the_bars_and_actions_of_both() -> None:
    both = merge(STORED, PriceHistory("ACME", TRUTH.bars.iloc[-1:], TRUTH.actions))
    assert_same(both, TRUTH)


WINDOW = DAYS[20:]  # of a download that begins after the store does


def windowed(history: PriceHistory) -> PriceHistory:
    return replace(history, bars=history.bars.loc[WINDOW[0] :], actions=history.actions.loc[WINDOW[0] :])


def paying(history: PriceHistory, *days: pd.Timestamp) -> PriceHistory:
    return replace(history, actions=make_actions(dividends=dict.fromkeys(days, 1.0)))


@pytest.mark.parametrize("factor", [0.01, 0.1, 100.0])
def test_a_window_on_another_scale_is_no_jump_at_its_edge(factor: float) -> None:
    stored = paying(STORED, DAYS[5])
    with pytest.raises(ScaleChangedError):
        reconcile(stored, scaled(windowed(stored), WINDOW[:-1], factor))


@pytest.mark.parametrize("factor", [0.01, 0.1, 100.0])
def test_what_lies_before_a_window_that_is_believed_takes_its_scale(factor: float) -> None:
    stored = paying(STORED, DAYS[5], DAYS[30])
    offered = scaled(windowed(stored), WINDOW[:-1], factor)
    offered = replace(offered, actions=offered.actions.assign(dividend=factor))
    found = reconcile(stored, offered, trusted=True)
    assert_same(found, replace(scaled(stored, DAYS[:-1], factor), actions=stored.actions * [1.0, factor]))
    assert find_unlikely_jumps(found.bars).empty


def test_a_bar_that_a_believed_download_lacks_takes_its_scale() -> None:
    stored = paying(STORED)
    offered = scaled(stored, DAYS[:-1], 0.01)
    found = reconcile(stored, replace(offered, bars=offered.bars.drop(DAYS[[0, 40, -2]])), trusted=True)
    assert_same(found, offered)


def test_the_volume_before_the_window_follows_the_shares() -> None:
    stored = paying(STORED)
    offered = windowed(scaled(stored, DAYS[:-1], 0.25))
    offered.bars["volume"] *= 4
    found = reconcile(stored, offered, trusted=True)
    assert found.bars["volume"].tolist() == (4 * stored.bars["volume"]).tolist()


def test_trust_changes_nothing_where_the_download_can_be_read() -> None:
    """A split that the source does not announce today is no reason to believe that there was none."""
    assert_same(reconcile(TRUTH, download(worked_in(), {}), trusted=True), TRUTH)


def test_an_owners_file_counts_as_it_is() -> None:
    assert_same(reconcile(TRUTH, download(worked_in(), {}), owned=True), download(worked_in(), {}))


@pytest.mark.parametrize("factor", [0.25, 0.01, 1.5])
def test_an_owners_file_of_which_all_is_in_other_units_is_refused(factor: float) -> None:
    bars = TRUTH.bars.assign(**{name: TRUTH.bars[name] * factor for name in PRICE_COLUMNS})
    with pytest.raises(ScaleChangedError, match=rf"all {len(bars)} stored bars multiplied alike"):
        reconcile(TRUTH, replace(TRUTH, bars=bars), owned=True)


def test_an_owners_file_of_adjusted_closes_may_move_by_a_dividend() -> None:
    bars = TRUTH.bars.assign(**{name: TRUTH.bars[name] * 0.97 for name in PRICE_COLUMNS})
    file = replace(TRUTH, bars=bars)
    assert_same(reconcile(TRUTH, file, owned=True), file)


def test_a_window_of_the_right_scale_brings_nothing_along() -> None:
    stored = paying(STORED, DAYS[5])
    assert_same(reconcile(stored, windowed(stored), trusted=True), windowed(stored))


def test_a_new_first_bar_is_judged_by_the_stored_one_before_it() -> None:
    alone = scaled(paying(TRUTH), DAYS[-1], 40.0)  # tenfold, once the split by four is in it
    alone.bars["volume"] = 1000.0
    with pytest.raises(PriceJumpError):
        reconcile(paying(STORED), replace(alone, bars=alone.bars.iloc[-1:]), trusted=True)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_split_that_was_taken_back_with_its_prices_is_withdrawn_unless_the_store_saw_it(
    recorded: bool,
) -> None:
    dispute = Dispute(EX.date(), recorded=recorded)
    found = reconcile(TRUTH, windowed(download(worked_in(), {})), disputes=[dispute])
    without = download(worked_in(), {})
    assert_same(found, windowed(TRUTH) if recorded else without)


def test_a_small_split_that_the_prices_never_contained_is_withdrawn() -> None:
    stored = replace(paying(STORED), actions=make_actions({DAYS[-9]: 1.05}))
    found = reconcile(stored, paying(STORED), disputes=[Dispute(DAYS[-9].date(), recorded=True)])
    assert_same(found, paying(STORED))


def test_a_split_that_is_told_again_comes_back_with_its_prices() -> None:
    stored = download(worked_in(), {})
    assert_same(
        reconcile(stored, windowed(TRUTH), disputes=[Dispute(EX.date(), recorded=False)]),
        TRUTH,
    )
