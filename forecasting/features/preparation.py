"""Prepare tickers: from checked bars, actions and earnings dates to daily returns."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from forecasting.calendars.lookup import STANDARD, Calendars, find_targets
from forecasting.calendars.reports import NO_DATES, EarningsDates
from forecasting.calendars.sessions import first_day, sessions_between
from forecasting.errors import PriceError
from forecasting.faults import attribute_to_ticker
from forecasting.features.report_days import REACH
from forecasting.features.returns import DailyReturns, compute_daily_returns
from forecasting.prices.history import PriceHistory
from forecasting.prices.validation import check_bars
from forecasting.types import PriceBasis


def prepare_returns(
    history: PriceHistory,
    basis: PriceBasis,
    dates: EarningsDates = NO_DATES,
    *,
    calendars: Calendars = STANDARD,
) -> DailyReturns:
    """Check a ticker's bars and compute its daily returns.

    Args:
        history: As-traded bars and dated actions.
        basis: Whether payouts count as returns.
        dates: Of the ticker's earnings reports; without any, nothing is known of them.
        calendars: Give the sessions that react to reports.

    Raises:
        PriceError: The bars could not have been printed by a market, or cannot be worked with.
    """
    with attribute_to_ticker(history.ticker):
        check_bars(history)
        exchange = _list_sessions(history, calendars) if dates.reports and len(history.bars) else None
        return compute_daily_returns(history, basis, dates, exchange=exchange)


def _list_sessions(history: PriceHistory, calendars: Calendars) -> np.ndarray:
    """Return the sessions of the ticker's exchange from its first bar to REACH after its last.

    Raises:
        SessionsUnknownError: The calendar does not reach that far.
    """
    last, calendar = history.last_session, calendars.of(history.ticker)
    later = find_targets(history.ticker, last, REACH, calendars=calendars)
    start = max(history.bars.index[0].date(), first_day(calendar))
    return np.array([*sessions_between(calendar, start, last), *later], "datetime64[D]")


@dataclass(frozen=True)
class Universe:
    """Daily returns of several tickers.

    Attributes:
        returns: Ticker -> returns.
        faults: Ticker -> why it has none.
    """

    returns: Mapping[str, DailyReturns]
    faults: Mapping[str, PriceError]

    @property
    def left_out(self) -> dict[str, str]:
        """Ticker -> sentence of its fault."""
        return {ticker: str(error) for ticker, error in self.faults.items()}


def prepare_universe(
    load: Callable[[str], PriceHistory],
    tickers: Iterable[str],
    basis: PriceBasis,
    *,
    dates: Callable[[str], EarningsDates],
    calendars: Calendars = STANDARD,
) -> Universe:
    """Load, check and compute the returns of several tickers; a broken one is named and left out.

    Args:
        load: Bars and actions of a ticker.
        tickers: Which.
        basis: Whether payouts count as returns.
        dates: Earnings dates of a ticker.
        calendars: Give the sessions that react to reports.
    """
    returns: dict[str, DailyReturns] = {}
    faults: dict[str, PriceError] = {}
    for ticker in dict.fromkeys(tickers):
        try:
            returns[ticker] = prepare_returns(load(ticker), basis, dates(ticker), calendars=calendars)
        except PriceError as error:
            faults[ticker] = error
    return Universe(returns, faults)
