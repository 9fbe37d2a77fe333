"""Identity: whether a download is of the instrument whose bars are stored."""

from dataclasses import fields

import numpy as np
import pandas as pd

from forecasting.errors import InstrumentChangedError
from forecasting.prices.history import InstrumentFacts, PriceHistory

CHANGE_TOGETHER = ("name", "first_trade_date")  # facts of which one by itself is corrected now and then
SAME = 5e-3  # log; closes of one instrument agree in scale
FEWEST_MOVES = 20  # sessions in common by which prices are held to move together
MOVES_APART = 0.5  # median difference of daily moves in median moves: 1.4 for strangers, 0.1 for late closes


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


def check_facts(ticker: str, stored: InstrumentFacts, reported: InstrumentFacts) -> None:
    """Raise if currency, kind or time zone differ from the stored ones; a missing fact counts as the same.

    A company changes its name, and a vendor corrects a first trade date: only both at once count.

    Raises:
        InstrumentChangedError: One of the three, or both of the two, differ.
    """
    changed = find_changed_facts(stored, reported)
    if changed:
        before, now = (getattr(facts, changed[0]) for facts in (stored, reported))
        raise InstrumentChangedError(ticker, f"{changed[0]} {before}", str(now))


def find_changed_facts(stored: InstrumentFacts, reported: InstrumentFacts) -> list[str]:
    """Return the names of the facts that indicate another instrument."""
    names = [fact.name for fact in fields(InstrumentFacts)]
    known = [name for name in names if getattr(stored, name) and getattr(reported, name)]
    changed = [name for name in known if getattr(stored, name) != getattr(reported, name)]
    both = set(CHANGE_TOGETHER) <= set(changed)
    return [name for name in changed if both or name not in CHANGE_TOGETHER]


def check_moves(stored: PriceHistory, download: PriceHistory) -> None:
    """Raise if most daily moves of an owner's file are not those of the stored bars, whatever their scale.

    Stored prices that hardly ever moved are of no instrument that is known: any others may correct them.

    Raises:
        InstrumentChangedError: They differ as those of strangers do.
    """
    is_frozen = stored.bars["close"].diff().abs().median() == 0
    if not is_frozen and moves_apart(stored, download):
        ticker = download.ticker
        expected = (
            f"the daily moves of the stored bars (`bandcast prices forget {ticker}`, if those are wrong)"
        )
        raise InstrumentChangedError(ticker, expected, "others, as of another instrument or of shifted days")


def moves_apart(stored: PriceHistory, download: PriceHistory) -> bool:
    """Return whether the daily moves of both differ as those of two instruments do.

    Scale, splits, dividends and single corrections do not count: they leave most moves as they are.
    """
    shared = stored.bars.index.intersection(download.bars.index)
    return closes_apart(*(each.bars.loc[shared, "close"] for each in (stored, download)))


def closes_apart(then: pd.Series, now: pd.Series) -> bool:
    """Return the same of (N,) closes of the same sessions; False where they are too few to tell."""
    if len(then) <= FEWEST_MOVES:
        return False
    moves_then, moves_now = (np.log(closes).diff().iloc[1:] for closes in (then, now))
    usual = max(moves_then.abs().median(), moves_now.abs().median())
    return bool((moves_now - moves_then).abs().median() > MOVES_APART * usual)


def is_other_instrument(stored: PriceHistory, download: PriceHistory) -> bool:
    """Return whether a trusted download replaces the stored bars as a whole.

    It does if it shares no session with them, if their moves differ, or if facts do and most of the shared
    closes as well.
    """
    if stored.bars.empty or download.bars.empty:
        return False
    if _is_apart(stored, download) or moves_apart(stored, download):
        return True
    shared = stored.bars.index.intersection(download.bars.index)
    steps = np.log(download.bars.loc[shared, "close"] / stored.bars.loc[shared, "close"]).abs()
    return bool(find_changed_facts(stored.facts, download.facts)) and bool((steps > SAME).mean() > 0.5)


def _describe_span(history: PriceHistory) -> str:
    return f"from {history.bars.index[0].date()} to {history.last_session}"


def _is_apart(stored: PriceHistory, download: PriceHistory) -> bool:
    bars = stored.bars
    return not bars.empty and not download.bars.empty and not download.bars.index.isin(bars.index).any()
