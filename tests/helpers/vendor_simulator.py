"""Simulated vendor: what was traded on the exchange, and what Yahoo lists on a given day, right or wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from yahoo_imitation import Listing

from forecasting.calendars.exchanges import calendar_name
from forecasting.calendars.sessions import next_sessions, sessions_between
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory, as_actions, as_bars

Fault = Callable[["Stock", Listing], Listing]
PRICES = ("closes", "opens", "highs", "lows")
ZONES = {"XNYS": "America/New_York", "XTKS": "Asia/Tokyo", "24/7": "UTC", "24/5": "Europe/London"}


@dataclass
class Stock:
    """One instrument: what was traded, and the bars that Yahoo lists wrongly until it corrects them."""

    truth: PriceHistory
    slips: dict[date, tuple[date, float]] = field(default_factory=dict)  # session -> (corrected on, factor)

    @property
    def calendar(self) -> str:
        return calendar_name(self.truth.ticker)

    def listing(self, day: date) -> Listing:
        """The listing on a day: every finished session, adjusted for the splits up to then."""
        return make_listing(self.calendar, adjusted(self.truth.until(day), day, self.slips))

    def upcoming(self, day: date) -> date:
        return next_sessions(self.calendar, day, 1)[0]


def make_history(ticker: str, last: date, seed: int, sessions: int = 150) -> PriceHistory:
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
    """Bars and actions split-adjusted to a day, as float32, as Yahoo lists them."""
    bars = adjust(known, day, "split_adjusted")
    for session, (corrected, factor) in slips.items():
        if day < corrected and pd.Timestamp(session) in bars.index:
            bars.loc[pd.Timestamp(session), ["open", "high", "low", "close"]] *= factor
    actions = known.actions.copy()
    later = [known.actions["split"][known.actions.index > ex].prod() for ex in actions.index]
    actions["dividend"] /= later
    return replace(known, bars=bars.astype("float32").astype(float), actions=actions)


def make_listing(calendar: str, listed: PriceHistory) -> Listing:
    prices: dict[str, dict[date, float | None]] = {
        name: {day.date(): float(price) for day, price in listed.bars[name].items()}
        for name in ("open", "high", "low", "close")
    }
    actions = listed.actions
    return Listing(
        prices["close"],
        dividends={day.date(): value for day, value in actions["dividend"].items() if value},
        splits={day.date(): value for day, value in actions["split"].items() if value != 1},
        zone=ZONES[calendar],
        opens=prices["open"],
        highs=prices["high"],
        lows=prices["low"],
        volumes={day.date(): float(volume) for day, volume in listed.bars["volume"].items()},
    )


def scale(listing: Listing, days: list[date], factor: float) -> Listing:
    """The listing with whole bars multiplied."""
    prices = {}
    for name in PRICES:
        column = getattr(listing, name)
        prices[name] = column | {day: column[day] * factor for day in days if column.get(day)}
    return replace(listing, **prices)


def drop(listing: Listing, days: list[date]) -> Listing:
    return replace(listing, closes={day: close for day, close in listing.closes.items() if day not in days})


def with_close(listing: Listing, index: int, close: float | None) -> Listing:
    return replace(listing, closes=listing.closes | {nth(listing, index): close})


def nth(listing: Listing, index: int) -> date:
    return sorted(listing.closes)[index]


def add_partial_bar(stock: Stock, listing: Listing) -> Listing:
    """The listing with a bar of the session under way."""
    coming, last = stock.upcoming(nth(listing, -1)), listing.closes[nth(listing, -1)]
    assert last is not None
    bar = {name: getattr(listing, name) | {coming: 1.01 * last} for name in PRICES}
    return replace(listing, **bar, volumes=listing.volumes | {coming: 17.0})


# What Yahoo lists wrongly for a day; by name, so that a failing seed can be read.
DATA_FAULTS: dict[str, Fault] = {
    "blank last close": lambda _, listing: with_close(listing, -1, None),
    "no last bar": lambda _, listing: drop(listing, [nth(listing, -1)]),
    "old bars gone": lambda _, listing: drop(listing, [nth(listing, -30), nth(listing, -31)]),
    "most bars gone": lambda _, listing: drop(listing, sorted(listing.closes)[:-5]),
    "old close blank": lambda _, listing: with_close(listing, -12, None),
    "last bar tenfold": lambda _, listing: scale(listing, [nth(listing, -1)], 10.0),
    "last bar halved": lambda _, listing: scale(listing, [nth(listing, -1)], 0.5),
    "old bar hundredfold": lambda _, listing: scale(listing, [nth(listing, -40)], 100.0),
    "old bar doubled": lambda _, listing: scale(listing, [nth(listing, -20)], 2.0),
    "negative close": lambda _, listing: with_close(listing, -3, -5.0),
    "high below low": lambda _, listing: replace(listing, highs=listing.highs | {nth(listing, -2): 0.01}),
    "everything in pence": lambda _, listing: scale(listing, sorted(listing.closes), 100.0),
    "history rescaled": lambda _, listing: scale(listing, sorted(listing.closes)[:-2], 0.97),
    "another currency": lambda _, listing: replace(listing, currency="EUR"),
    "another zone": lambda _, listing: replace(
        listing, meta_changes={"exchangeTimezoneName": "Pacific/Auckland"}
    ),
    "another symbol": lambda _, listing: replace(listing, meta_changes={"symbol": "OTHER"}),
    "partial bar": add_partial_bar,
    "last row twice": lambda _, listing: replace(listing, repeats_last=True),
    "no events": lambda _, listing: replace(listing, splits={}, dividends={}),
    "no volume": lambda _, listing: replace(listing, volumes=dict.fromkeys(listing.closes, 0.0)),
    "volume unsettled": lambda _, listing: replace(
        listing, volumes={day: volume and 1.004 * volume for day, volume in listing.volumes.items()}
    ),
}
