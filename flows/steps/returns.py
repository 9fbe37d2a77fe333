"""Daily returns of stored prices."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType

from db import Store, Transaction
from flows.context import RunContext
from forecasting.calendars.lookup import Calendars
from forecasting.calendars.reports import NO_DATES, EarningsDates
from forecasting.features.preparation import Universe, prepare_returns, prepare_universe
from forecasting.features.returns import DailyReturns
from forecasting.prices.activity import check_trading
from forecasting.prices.completeness import drop_off_calendar
from forecasting.prices.history import PriceHistory
from forecasting.types import PriceBasis

UNDATED: Mapping[str, EarningsDates] = MappingProxyType({})


def load_ticker(
    store: Store,
    ticker: str,
    session: date,
    *,
    basis: PriceBasis,
    dates: EarningsDates = NO_DATES,
    calendars: Calendars,
    only_traded: bool = False,
) -> DailyReturns:
    """Load one ticker up to a session.

    Args:
        store: Of the source.
        ticker: The symbol.
        session: Last session.
        basis: Whether payouts count as returns.
        dates: Of its earnings reports.
        calendars: Give its sessions, and those that react to them.
        only_traded: Refuse it where it is frozen or not traded at that session.

    Raises:
        PriceError: There is no bar, or a broken one, or it is refused.
    """
    with store.reading() as tx:
        history = _load_history(tx, ticker, session, calendars=calendars, only_traded=only_traded)
    return prepare_returns(history, basis, dates, calendars=calendars)


def load_universe(
    store: Store,
    tickers: Iterable[str],
    session: date,
    *,
    basis: PriceBasis,
    earnings: Mapping[str, EarningsDates] = UNDATED,
    calendars: Calendars,
    only_traded: bool = False,
) -> Universe:
    """Load several tickers up to a session; a broken one is named and left out.

    Args:
        store: Of the source.
        tickers: The symbols.
        session: Last session.
        basis: Whether payouts count as returns.
        earnings: Ticker -> its earnings dates.
        calendars: Give the sessions of each, and those that react to its reports.
        only_traded: Leave out, too, what is frozen or not traded at that session.
    """
    with store.reading() as tx:
        return prepare_universe(
            lambda ticker: _load_history(tx, ticker, session, calendars=calendars, only_traded=only_traded),
            tickers,
            basis,
            dates=lambda ticker: earnings.get(ticker, NO_DATES),
            calendars=calendars,
        )


def load_for_run(
    context: RunContext, tickers: Iterable[str], basis: PriceBasis, *, only_traded: bool = False
) -> Universe:
    """Load several tickers up to `as_of`, with the earnings dates and the calendars of a run."""
    return load_universe(
        context.store,
        tickers,
        context.as_of,
        basis=basis,
        earnings=context.earnings,
        calendars=context.calendars,
        only_traded=only_traded,
    )


def _load_history(
    tx: Transaction, ticker: str, session: date, *, calendars: Calendars, only_traded: bool
) -> PriceHistory:
    """Load what is stored of a ticker on the sessions of its exchange, as they are known to the run."""
    history, calendar = tx.prices.load(ticker, session), calendars.find(ticker)
    if calendar is not None:
        history = drop_off_calendar(history, calendar)
    if only_traded:
        check_trading(history)
    return history
