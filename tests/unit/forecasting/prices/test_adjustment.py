"""Adjustment: hand-computed cases, and properties for any history."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.prices.adjustment import adjust, derive_actions, kept_after_payout, undo_splits
from forecasting.prices.history import PriceHistory, as_actions, as_bars
from forecasting.types import PriceBasis, values

DAYS = pd.bdate_range("2024-06-03", periods=8)
unhurried = settings(max_examples=50)  # a busy machine is no fault
BASES = values(PriceBasis)


def bars(closes: list[float], volume: float = 1000.0) -> pd.DataFrame:
    columns = dict.fromkeys(("open", "high", "low", "close"), closes)
    return as_bars(pd.DataFrame(columns | {"volume": volume}, index=DAYS[: len(closes)]))


def actions(
    splits: dict[int, float] | None = None, dividends: dict[int, float] | None = None
) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"split": pd.Series(splits or {}), "dividend": pd.Series(dividends or {})}
    ).sort_index()
    return as_actions(frame.set_axis(DAYS[list(frame.index)]))


@st.composite
def histories(draw: st.DrawFn) -> PriceHistory:
    closes = draw(st.lists(st.floats(20, 200), min_size=len(DAYS), max_size=len(DAYS)))
    sessions = st.integers(0, len(DAYS) - 1)
    splits = draw(st.dictionaries(sessions, st.sampled_from([0.1, 0.5, 1.5, 2.0, 3.0, 7.0]), max_size=3))
    dividends = draw(st.dictionaries(sessions, st.floats(0.01, 0.3), max_size=3))
    return PriceHistory("ACME", bars(closes), actions(splits, dividends))


def test_a_split_divides_prices_and_multiplies_volume_before_its_ex_date() -> None:
    history = PriceHistory("ACME", bars([40.0, 44.0, 12.0]), actions(splits={2: 4.0}))
    adjusted = adjust(history, date(2024, 6, 5), "split_adjusted")
    for name in ("open", "high", "low", "close"):
        assert adjusted[name].tolist() == [10.0, 11.0, 12.0]
    assert adjusted["volume"].tolist() == [4000.0, 4000.0, 1000.0]


def test_a_dividend_takes_its_share_of_the_previous_close() -> None:
    history = PriceHistory("ACME", bars([50.0, 40.0, 41.0]), actions(dividends={2: 1.0}))
    total = adjust(history, date(2024, 6, 5), "total_return")
    assert total["close"].tolist() == pytest.approx([50.0 * 39 / 40, 39.0, 41.0])
    assert total["volume"].tolist() == [1000.0] * 3
    assert adjust(history, date(2024, 6, 5), "split_adjusted")["close"].tolist() == [50.0, 40.0, 41.0]


def test_a_dividend_on_the_day_of_a_split_is_per_new_share() -> None:
    history = PriceHistory("ACME", bars([100.0, 48.0]), actions(splits={1: 2.0}, dividends={1: 1.0}))
    assert adjust(history, date(2024, 6, 4), "total_return")["close"].tolist() == pytest.approx([49.0, 48.0])


def test_a_dividend_before_a_split_counts_in_its_own_units() -> None:
    history = PriceHistory("ACME", bars([100.0, 99.0, 50.0]), actions(splits={2: 2.0}, dividends={1: 1.0}))
    assert kept_after_payout(history).tolist() == pytest.approx([0.99, 1.0])


def test_a_dividend_without_a_bar_before_it_changes_nothing() -> None:
    history = PriceHistory("ACME", bars([10.0, 11.0]), actions(dividends={0: 99.0}))
    assert adjust(history, date(2024, 6, 4), "total_return")["close"].tolist() == [10.0, 11.0]


def test_adjusting_leaves_the_history_alone() -> None:
    history = PriceHistory("ACME", bars([40.0, 12.0]), actions(splits={1: 4.0}, dividends={1: 0.5}))
    before = (history.bars.copy(), history.actions.copy())
    adjust(history, date(2024, 6, 4), "total_return")
    undo_splits(history.bars, history.actions)
    for frame, copy in zip((history.bars, history.actions), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


def test_undoing_splits_by_hand() -> None:
    traded, acted = undo_splits(
        bars([10.0, 11.0, 12.0]), actions(splits={1: 2.0, 2: 3.0}, dividends={0: 0.5, 1: 0.5})
    )
    assert traded["close"].tolist() == [60.0, 33.0, 12.0]
    assert traded["volume"].tolist() == pytest.approx([1000 / 6, 1000 / 3, 1000.0])
    assert acted["dividend"].tolist() == [3.0, 1.5, 0.0]


@unhurried
@given(histories())
def test_undoing_splits_then_adjusting_gives_the_download_back(history: PriceHistory) -> None:
    traded = PriceHistory("ACME", *undo_splits(history.bars, history.actions))
    back = adjust(traded, DAYS[-1].date(), "split_adjusted")
    pd.testing.assert_frame_equal(back, history.bars)


@unhurried
@given(histories(), st.sampled_from(BASES), st.integers(0, len(DAYS) - 1))
def test_log_returns_change_on_ex_dates_only(history: PriceHistory, basis: PriceBasis, last: int) -> None:
    adjusted = adjust(history, DAYS[last].date(), basis)["close"]
    change = np.log(adjusted).diff() - np.log(history.bars["close"]).diff()
    quiet = change.dropna().drop(history.actions.index, errors="ignore")
    np.testing.assert_allclose(quiet, 0.0, atol=1e-12)


@unhurried
@given(histories(), st.sampled_from(BASES), st.integers(0, len(DAYS) - 1))
def test_nothing_after_as_of_matters(history: PriceHistory, basis: PriceBasis, last: int) -> None:
    as_of = DAYS[last].date()
    pd.testing.assert_frame_equal(adjust(history, as_of, basis), adjust(history.until(as_of), as_of, basis))


@unhurried
@given(histories(), st.sampled_from(BASES))
def test_the_bar_of_as_of_is_as_traded(history: PriceHistory, basis: PriceBasis) -> None:
    pd.testing.assert_series_equal(adjust(history, DAYS[-1].date(), basis).iloc[-1], history.bars.iloc[-1])


@unhurried
@given(histories())
def test_actions_come_back_from_the_adjusted_close(history: PriceHistory) -> None:
    traded, known = history.bars["close"], history.actions
    payout = 1.0 + known["dividend"] / traded.reindex(known.index)
    step = (known["split"] * payout).reindex(traded.index).fillna(1.0)
    found = derive_actions(traded, traded * step.cumprod())
    expected = known.drop(traded.index[0], errors="ignore")  # an action of the first session leaves no step
    pd.testing.assert_frame_equal(found, expected, atol=2e-6, check_freq=False)


def test_a_flat_factor_has_no_actions() -> None:
    close = pd.Series([10.01, 9.87, 10.33], index=DAYS[:3])
    assert derive_actions(close, close * (1 / 3)).empty
