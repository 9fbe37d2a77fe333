"""Identity: a download of another instrument is never joined to the stored bars."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasting.calendars.sessions import sessions_between
from forecasting.errors import InstrumentChangedError
from forecasting.prices.history import InstrumentFacts, PriceHistory, as_actions, as_bars
from forecasting.prices.identity import check_identity, check_moves, is_other_instrument
from forecasting.prices.reconciliation import reconcile

DAYS = pd.DatetimeIndex(sessions_between("XNYS", date(2024, 1, 2), date(2024, 6, 5)))
OLD = InstrumentFacts("USD", "EQUITY", "America/New_York", "Old Corp", date(1999, 1, 4))
NEW = replace(OLD, name="New Inc", first_trade_date=date(2024, 3, 4))


def history(days: pd.DatetimeIndex, close: float = 10.0, facts: InstrumentFacts = OLD) -> PriceHistory:
    steps = close * np.exp(0.001 * np.arange(len(days)))
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), steps), days)
    return PriceHistory("ACME", as_bars(bars.assign(volume=1000.0)), as_actions(bars.iloc[:0]), facts)


@pytest.mark.parametrize(
    ("stored", "download"),
    [
        (DAYS[:40], DAYS[40:]),  # begins where the store ends
        (DAYS[:20], DAYS[60:]),  # after a pause
        (DAYS[60:], DAYS[:20]),  # before the store begins
        (DAYS[::2], DAYS[1::2]),
    ],
)
def test_a_window_that_shares_no_session_with_the_store_is_another_instrument(
    stored: pd.DatetimeIndex, download: pd.DatetimeIndex
) -> None:
    with pytest.raises(InstrumentChangedError, match="bars of some session from 2024-"):
        reconcile(history(stored), history(download))
    assert is_other_instrument(history(stored), history(download))


def test_one_shared_session_is_enough() -> None:
    check_identity(history(DAYS[:41]), history(DAYS[40:], close=10.0 * np.exp(0.04)))
    assert not is_other_instrument(history(DAYS[:41]), history(DAYS[40:]))


@pytest.mark.parametrize("empty", [DAYS[:0], DAYS])
def test_a_first_download_and_an_empty_one_are_of_no_other_instrument(empty: pd.DatetimeIndex) -> None:
    check_identity(history(DAYS[:0]), history(empty))
    check_identity(history(empty), history(DAYS[:0]))
    assert not is_other_instrument(history(DAYS[:0]), history(empty))


def test_another_name_and_another_first_trade_date_together_are_another_instrument() -> None:
    with pytest.raises(InstrumentChangedError, match="name Old Corp, found New Inc"):
        check_identity(history(DAYS), history(DAYS, facts=NEW))
    for corrected in (replace(OLD, name="New Inc"), replace(OLD, first_trade_date=date(1998, 1, 5))):
        check_identity(history(DAYS), history(DAYS, facts=corrected))


def test_other_facts_replace_the_store_only_where_prices_differ_too() -> None:
    dollars = replace(OLD, currency="EUR")
    assert not is_other_instrument(history(DAYS), history(DAYS, facts=dollars))
    assert is_other_instrument(history(DAYS), history(DAYS, close=50.0, facts=dollars))
    assert not is_other_instrument(history(DAYS), history(DAYS, close=50.0))


def walk(seed: int, days: pd.DatetimeIndex = DAYS) -> PriceHistory:
    """A random walk from 50, in whole cents."""
    steps = np.random.default_rng(seed).normal(0, 0.01, len(days))
    closes = np.round(50 * np.exp(np.cumsum(steps)), 2)
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), closes), days)
    return PriceHistory("ACME", as_bars(bars.assign(volume=1000.0)), as_actions(bars.iloc[:0]))


def multiply(prices: PriceHistory, factors: object) -> PriceHistory:
    columns = ["open", "high", "low", "close"]
    return replace(prices, bars=prices.bars.assign(**prices.bars[columns].mul(factors, axis=0)))


def test_a_file_of_another_instrument_or_of_shifted_days_is_refused() -> None:
    shifted = walk(1)
    shifted = replace(shifted, bars=shifted.bars.shift().dropna())
    for other in (walk(2), shifted):
        with pytest.raises(
            InstrumentChangedError, match=r"daily moves of the stored bars .*prices forget ACME"
        ):
            reconcile(walk(1), other, owned=True)
        assert is_other_instrument(walk(1), other)


@pytest.mark.parametrize(
    "factors",
    [
        0.01,  # pounds for pence
        np.where(np.arange(len(DAYS)) < 60, 0.25, 1.0),  # a split
        np.where(np.arange(len(DAYS)) % 21, 1.0, 1.02),  # corrections
        np.repeat(np.linspace(0.9, 1.0, 5), 22)[: len(DAYS)],  # dividends worked in
        1 + 5e-4 * np.sin(np.arange(len(DAYS))),  # closes of another venue
    ],
)
def test_one_instrument_in_other_units_adjusted_or_corrected_is_the_same(factors: object) -> None:
    stored = walk(1)
    check_moves(stored, multiply(stored, factors))
    assert not is_other_instrument(stored, multiply(stored, factors))


def test_few_sessions_in_common_or_prices_that_rest_tell_nothing() -> None:
    check_moves(walk(1, DAYS[:20]), walk(2, DAYS[:20]))
    check_moves(multiply(history(DAYS), 0.0001), history(DAYS))


def test_the_right_file_corrects_stored_prices_that_never_moved() -> None:
    stored, right = walk(1), walk(2)
    frozen = PriceHistory("ACME", stored.bars.assign(open=7.0, high=7.0, low=7.0, close=7.0), stored.actions)
    assert reconcile(frozen, right, owned=True).bars["close"].tolist() == right.bars["close"].tolist()
    with pytest.raises(InstrumentChangedError):
        reconcile(right, frozen, owned=True)
