"""What really happened on the exchange, and how Yahoo tells it on a given day: rightly, or with a fault."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from yahoo_imitation import Listing

from forecasting.calendars.sessions import calendar_name, next_sessions, sessions_between
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory, as_actions, as_bars

Fault = Callable[["Stock", date, Listing], Listing]
ZONES = {"XNYS": "America/New_York", "XTKS": "Asia/Tokyo", "24/7": "UTC", "24/5": "Europe/London"}


@dataclass
class Stock:
    """One instrument: what was traded, and what Yahoo told wrongly of a bar until it corrected it."""

    truth: PriceHistory
    slips: dict[date, tuple[date, float]] = field(default_factory=dict)  # session -> (corrected on, factor)

    @property
    def calendar(self) -> str:
        return calendar_name(self.truth.ticker)

    def told(self, day: date) -> Listing:
        """The listing on a day: every finished session, adjusted for the splits up to then."""
        return listing(self.calendar, adjusted(self.truth.until(day), day, self.slips))

    def upcoming(self, day: date) -> date:
        return next_sessions(self.calendar, day, 1)[0]


def made_up(ticker: str, last: date, seed: int, sessions: int = 150) -> PriceHistory:
    """A random walk with ranges and volume."""
    days = sessions_between(calendar_name(ticker), last - timedelta(days=2 * sessions), last)[-sessions:]
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.012, sessions)))
    opened = close * np.exp(rng.normal(0, 0.004, sessions))
    high, low = np.maximum(opened, close) * 1.004, np.minimum(opened, close) / 1.004
    volume = rng.integers(900_000, 1_500_000, sessions) * (0 if "=" in ticker else 1)
    columns = {"open": opened, "high": high, "low": low, "close": close}
    bars = pd.DataFrame(columns, pd.DatetimeIndex(days)).round(4).assign(volume=volume)
    return PriceHistory(ticker, as_bars(bars), as_actions(bars.iloc[:0]))


def with_actions(
    history: PriceHistory, splits: dict[date, float], dividends: dict[date, float]
) -> PriceHistory:
    """The history with splits and dividends; from a split's ex-date on, prices are in new shares."""
    frame = pd.DataFrame(
        {"split": pd.Series(splits, dtype=float), "dividend": pd.Series(dividends, dtype=float)}
    )
    frame.index = pd.DatetimeIndex(frame.index)
    bars = history.bars.copy()
    for day, ratio in splits.items():
        later = bars.index >= pd.Timestamp(day)
        bars.loc[later, ["open", "high", "low", "close"]] /= ratio
        bars.loc[later, "volume"] *= ratio
    return replace(history, bars=bars.round(4), actions=as_actions(frame.sort_index()))


def adjusted(known: PriceHistory, day: date, slips: dict[date, tuple[date, float]]) -> PriceHistory:
    """Bars and actions split-adjusted to a day, as float32, as Yahoo tells them."""
    bars = adjust(known, day, "split_adjusted")
    for session, (corrected, factor) in slips.items():
        if day < corrected and pd.Timestamp(session) in bars.index:
            bars.loc[pd.Timestamp(session), ["open", "high", "low", "close"]] *= factor
    actions = known.actions.copy()
    later = [known.actions["split"][known.actions.index > ex].prod() for ex in actions.index]
    actions["dividend"] /= later
    return replace(known, bars=bars.astype("float32").astype(float), actions=actions)


def listing(calendar: str, told: PriceHistory) -> Listing:
    columns = {name: {day.date(): float(v) for day, v in told.bars[name].items()} for name in told.bars}
    actions = told.actions
    return Listing(
        columns["close"],
        dividends={day.date(): value for day, value in actions["dividend"].items() if value},
        splits={day.date(): value for day, value in actions["split"].items() if value != 1},
        zone=ZONES[calendar],
        opens=columns["open"],
        highs=columns["high"],
        lows=columns["low"],
        volumes=columns["volume"],
    )


def scaled(told: Listing, days: list[date], factor: float) -> Listing:
    """The listing with whole bars multiplied."""
    prices = {}
    for name in ("closes", "opens", "highs", "lows"):
        column = getattr(told, name)
        prices[name] = column | {day: column[day] * factor for day in days if column.get(day)}
    return replace(told, **prices)


def without(told: Listing, days: list[date]) -> Listing:
    return replace(told, closes={day: close for day, close in told.closes.items() if day not in days})


def nth(told: Listing, place: int) -> date:
    return sorted(told.closes)[place]


def blank_last(_: Stock, __: date, told: Listing) -> Listing:
    return replace(told, closes=told.closes | {nth(told, -1): None})


def partial_tomorrow(stock: Stock, day: date, told: Listing) -> Listing:
    """A bar of the session under way."""
    coming = stock.upcoming(nth(told, -1))
    bar = {name: getattr(told, name) | {coming: 1.01 * told.closes[nth(told, -1)]} for name in PRICES}
    return replace(told, **bar, volumes=told.volumes | {coming: 17.0})


PRICES = ("closes", "opens", "highs", "lows")

# What Yahoo tells wrongly for a day; by name, so that a failing seed can be read.
DATA_FAULTS: dict[str, Fault] = {
    "blank last close": blank_last,
    "no last bar": lambda _, __, told: without(told, [nth(told, -1)]),
    "old bars gone": lambda _, __, told: without(told, [nth(told, -30), nth(told, -31)]),
    "most bars gone": lambda _, __, told: without(told, sorted(told.closes)[:-5]),
    "old close blank": lambda _, __, told: replace(told, closes=told.closes | {nth(told, -12): None}),
    "last bar tenfold": lambda _, __, told: scaled(told, [nth(told, -1)], 10.0),
    "last bar halved": lambda _, __, told: scaled(told, [nth(told, -1)], 0.5),
    "old bar hundredfold": lambda _, __, told: scaled(told, [nth(told, -40)], 100.0),
    "old bar doubled": lambda _, __, told: scaled(told, [nth(told, -20)], 2.0),
    "negative close": lambda _, __, told: replace(told, closes=told.closes | {nth(told, -3): -5.0}),
    "high below low": lambda _, __, told: replace(told, highs=told.highs | {nth(told, -2): 0.01}),
    "everything in pence": lambda _, __, told: scaled(told, sorted(told.closes), 100.0),
    "history rescaled": lambda _, __, told: scaled(told, sorted(told.closes)[:-2], 0.97),
    "another currency": lambda _, __, told: replace(told, currency="EUR"),
    "another zone": lambda _, __, told: replace(told, meta_says={"exchangeTimezoneName": "Pacific/Auckland"}),
    "another symbol": lambda _, __, told: replace(told, meta_says={"symbol": "OTHER"}),
    "partial bar": partial_tomorrow,
    "last row twice": lambda _, __, told: replace(told, repeats_last=True),
    "no events": lambda _, __, told: replace(told, splits={}, dividends={}),
    "no volume": lambda _, __, told: replace(told, volumes=dict.fromkeys(told.closes, 0.0)),
    "volume unsettled": lambda _, __, told: replace(
        told, volumes={day: 1.004 * volume for day, volume in told.volumes.items()}
    ),
}
