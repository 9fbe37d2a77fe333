"""Daily returns of stored prices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from db import Store
from forecasting.errors import PriceError
from forecasting.features.returns import DailyReturns
from forecasting.pipeline import prepare_returns
from forecasting.types import PriceBasis


@dataclass(frozen=True)
class StoredReturns:
    """Daily returns of several tickers.

    Attributes:
        returns: Ticker -> returns.
        faults: Ticker -> why it has none.
    """

    returns: Mapping[str, DailyReturns]
    faults: Mapping[str, PriceError]


def load_ticker(store: Store, ticker: str, session: date, basis: PriceBasis) -> DailyReturns:
    """Load one ticker up to a session.

    Raises:
        PriceError: There is no bar, or a broken one.
    """
    with store.reading() as tx:
        history = tx.prices.load(ticker, session)
    return prepare_returns(history, basis)


def load_returns(store: Store, tickers: Iterable[str], session: date, basis: PriceBasis) -> StoredReturns:
    """Load several tickers up to a session; a broken one is named and left out."""
    returns: dict[str, DailyReturns] = {}
    faults: dict[str, PriceError] = {}
    for ticker in dict.fromkeys(tickers):
        try:
            returns[ticker] = load_ticker(store, ticker, session, basis)
        except PriceError as error:
            faults[ticker] = error
    return StoredReturns(returns, faults)
