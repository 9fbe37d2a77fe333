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
)
from forecasting.errors import UnknownExchangeError


@pytest.mark.parametrize(
    ("ticker", "calendar"),
    [
        ("AAPL", "XNYS"),
        ("BRK-B", "XNYS"),
        ("^GSPC", "XNYS"),
        ("^N225", "XTKS"),
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
