"""Price history of one ticker: as-traded bars and dated corporate actions."""

from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import pandas as pd

from forecasting.text import clean_text

BAR_COLUMNS = ("open", "high", "low", "close", "volume")
ACTION_COLUMNS = ("split", "dividend")
LONGEST_FACT = 40  # characters; no currency, kind or time zone has more


@dataclass(frozen=True)
class InstrumentFacts:
    """Instrument metadata reported by the source, cleaned; None where it reports nothing.

    Attributes:
        currency: Of the prices, as written by the source (GBp is not GBP).
        kind: Such as EQUITY, INDEX or CRYPTOCURRENCY.
        zone: Time zone that turns the source's time stamps into sessions.
        name: Of the company, index or fund.
        first_trade_date: Day on which the instrument was first traded.
    """

    currency: str | None = None
    kind: str | None = None
    zone: str | None = None
    name: str | None = None
    first_trade_date: date | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(reported := getattr(self, field.name), str):
                object.__setattr__(self, field.name, clean_text(reported, LONGEST_FACT) or None)


@dataclass(frozen=True)
class PriceHistory:
    """As-traded daily bars of one ticker with its corporate actions.

    Attributes:
        ticker: The symbol.
        bars: Index `session` (naive midnight timestamps, increasing, unique); float columns `open`, `high`,
            `low`, `close`, `volume` in the units of their own day. Open, high, low and volume may be NaN.
        actions: Index `session` (the ex-date); float columns `split` (new shares per old, 1.0 where none)
            and `dividend` (per share in the units of the ex-date, 0.0 where none). Rows with an action only.
        facts: Instrument metadata.
        notes: What was left out of the source's answer, a clause each.
        owned: (T,) every day that the owner's own file has a bar of, also one that `bars` lacks: a stored
            bar of another day is one that the owner has deleted. None where the prices are a vendor's.
    """

    ticker: str
    bars: pd.DataFrame
    actions: pd.DataFrame
    facts: InstrumentFacts = InstrumentFacts()
    notes: tuple[str, ...] = ()
    owned: pd.DatetimeIndex | None = None

    @property
    def last_session(self) -> date:
        """Session of the newest bar."""
        last: date = self.bars.index[-1].date()
        return last

    def until(self, as_of: date) -> "PriceHistory":
        """Return the history up to and with the close of `as_of`."""
        end = pd.Timestamp(as_of)
        return replace(self, bars=self.bars.loc[:end], actions=self.actions.loc[:end])

    def after(self, session: date) -> "PriceHistory":
        """Return the history without `session` and everything before it."""
        first = pd.Timestamp(session)
        bars, actions = (frame[frame.index > first] for frame in (self.bars, self.actions))
        return replace(self, bars=bars, actions=actions)

    def noting(self, *notes: str) -> "PriceHistory":
        """Return the history with notes added."""
        return replace(self, notes=(*self.notes, *notes))


def empty_history(ticker: str) -> PriceHistory:
    """Return the history of a ticker that nothing is known of."""
    nothing = pd.DataFrame(index=pd.DatetimeIndex([]))
    return PriceHistory(ticker, as_bars(nothing), as_actions(nothing))


def as_bars(frame: pd.DataFrame) -> pd.DataFrame:
    """Put a frame indexed by day into the shape of `PriceHistory.bars`; a missing column becomes NaN."""
    return _contract(frame, BAR_COLUMNS)


def as_actions(frame: pd.DataFrame) -> pd.DataFrame:
    """Put a frame indexed by ex-date into the shape of `PriceHistory.actions`.

    A split of 0 or NaN (how Yahoo writes "none") becomes 1.0, a missing dividend 0.0, and rows without an
    action are left out.
    """
    actions = _contract(frame, ACTION_COLUMNS)
    actions["split"] = actions["split"].replace(0.0, 1.0).fillna(1.0)
    actions["dividend"] = actions["dividend"].fillna(0.0)
    return actions[(actions["split"] != 1.0) | (actions["dividend"] != 0.0)]


def _contract(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    shaped = frame.reindex(columns=list(columns)).astype(np.float64)
    # yfinance indexes in seconds, read_csv in microseconds, exchange_calendars in nanoseconds: one unit here.
    shaped.index = pd.DatetimeIndex(frame.index).as_unit("s").rename("session")
    return shaped
