"""Daily returns of stored prices."""

from collections.abc import Iterable
from datetime import date

from db import Store
from forecasting.features.returns import DailyReturns
from forecasting.pipeline import Universe, prepare_returns, prepare_universe
from forecasting.types import PriceBasis


def load_ticker(store: Store, ticker: str, session: date, *, basis: PriceBasis) -> DailyReturns:
    """Load one ticker up to a session.

    Raises:
        PriceError: There is no bar, or a broken one.
    """
    with store.reading() as tx:
        history = tx.prices.load(ticker, session)
    return prepare_returns(history, basis)


def load_universe(store: Store, tickers: Iterable[str], session: date, *, basis: PriceBasis) -> Universe:
    """Load several tickers up to a session; a broken one is named and left out."""
    with store.reading() as tx:
        return prepare_universe(lambda ticker: tx.prices.load(ticker, session), tickers, basis)
