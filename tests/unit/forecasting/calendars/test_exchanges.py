"""Which calendar a symbol follows."""

import pytest

from forecasting.calendars.exchanges import (
    ALWAYS_OPEN,
    FUTURES,
    HOME,
    INDICES,
    SUFFIXES,
    WEEKDAYS,
    calendar_name,
    list_exchanges,
)
from forecasting.errors import UnknownExchangeError


@pytest.mark.parametrize(
    ("ticker", "calendar"),
    [
        ("AAPL", "XNYS"),
        ("BRK-B", "XNYS"),
        ("^GSPC", "XNYS"),
        ("^N225", "XTKS"),
        ("^NSEBANK", "XBOM"),
        ("^NSEI", "XBOM"),
        ("^J203.JO", "XJSE"),
        ("^VIX", "XNYS"),
        ("EUZ.BE", "XFRA"),
        ("SBER.ME", "XMOS"),
        ("7203.T", "XTKS"),
        ("VOD.L", "XLON"),
        ("SAP.DE", "XETR"),
        ("MC.PA", "XPAR"),
        ("0700.HK", "XHKG"),
        ("SHOP.TO", "XTSE"),
        ("NOVO-B.CO", "XCSE"),
        ("BTC-USD", "24/7"),
        ("ETH-EUR", "24/7"),
        ("EURUSD=X", "24/5"),
        ("ES=F", "CMES"),
    ],
)
def test_a_symbol_has_a_calendar(ticker: str, calendar: str) -> None:
    assert calendar_name(ticker) == calendar


def test_every_calendar_named_is_known_to_exchange_calendars() -> None:
    from exchange_calendars import get_calendar_names

    named = {*SUFFIXES.values(), *INDICES.values(), HOME, ALWAYS_OPEN, WEEKDAYS, FUTURES}
    assert named <= set(get_calendar_names())


def test_a_suffix_of_no_known_exchange_is_one_sentence() -> None:
    with pytest.raises(UnknownExchangeError, match="BRK-B") as caught:
        calendar_name("BRK.B")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ticker", ["^XYZ", "^NIKKEI", "^"])
def test_an_index_of_unknown_place_never_gets_new_yorks_calendar(ticker: str) -> None:
    with pytest.raises(UnknownExchangeError, match="BANDCAST_CALENDARS") as caught:
        calendar_name(ticker)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "ticker",
    [
        "^GSPC",
        "^DJI",
        "^IXIC",
        "^RUT",
        "^VIX",
        "^NDX",
        "^NYA",
        "^TNX",
        "^TYX",
        "^FVX",
        "^IRX",
        "^OEX",
        "^MID",
        "^SOX",
        "^W5000",
        "^DJT",
    ],
)
def test_the_indices_of_the_united_states_are_listed(ticker: str) -> None:
    assert INDICES[ticker] == HOME


def test_every_suffix_and_index_is_in_the_list_of_exchanges_once() -> None:
    listed = [symbol for _, suffixes, indices in list_exchanges() for symbol in (*suffixes, *indices)]
    assert sorted(listed) == sorted([*(f".{suffix}" for suffix in SUFFIXES), *INDICES])
