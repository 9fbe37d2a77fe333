"""Identity: a download of another instrument is never joined to the stored bars."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasting.calendars.sessions import sessions_between
from forecasting.errors import InstrumentChangedError
from forecasting.prices.history import InstrumentFacts, PriceHistory, as_actions, as_bars
from forecasting.prices.identity import check_identity, is_other_instrument
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
