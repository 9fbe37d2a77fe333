"""Identity: whether a download is of the instrument whose bars are stored."""

import numpy as np

from forecasting.errors import InstrumentChangedError
from forecasting.prices.history import PriceHistory
from forecasting.prices.validation import check_facts, find_changed_facts

SAME = 5e-3  # log; closes of one instrument agree in scale


def check_identity(stored: PriceHistory, download: PriceHistory) -> None:
    """Raise if the download is of another instrument than the stored bars.

    A source serves a whole window in each download: one that holds no stored session is not of the instrument
    that was stored, and is never joined to it.

    Raises:
        InstrumentChangedError: Its facts differ, or it shares no session with the store.
    """
    check_facts(download.ticker, stored.facts, download.facts)
    if _is_apart(stored, download):
        expected = f"bars of some session {_describe_span(stored)}, as stored"
        raise InstrumentChangedError(download.ticker, expected, f"bars {_describe_span(download)} alone")


def is_other_instrument(stored: PriceHistory, download: PriceHistory) -> bool:
    """Return whether a trusted download replaces the stored bars as a whole.

    It does if it shares no session with them, or if facts differ and most of the shared closes do as well.
    """
    if stored.bars.empty or download.bars.empty:
        return False
    if _is_apart(stored, download):
        return True
    shared = stored.bars.index.intersection(download.bars.index)
    steps = np.log(download.bars.loc[shared, "close"] / stored.bars.loc[shared, "close"]).abs()
    return bool(find_changed_facts(stored.facts, download.facts)) and bool((steps > SAME).mean() > 0.5)


def _describe_span(history: PriceHistory) -> str:
    return f"from {history.bars.index[0].date()} to {history.last_session}"


def _is_apart(stored: PriceHistory, download: PriceHistory) -> bool:
    bars = stored.bars
    return not bars.empty and not download.bars.empty and not download.bars.index.isin(bars.index).any()
