"""Withdrawal: set aside stored bars that an owner has deleted, or that are of an earlier instrument."""

from collections.abc import Collection
from datetime import date, datetime

from db import FORGOTTEN, Transaction
from flows.presentation.prices import format_sessions
from forecasting.errors import InstrumentChangedError, UsageError
from forecasting.prices.history import PriceHistory
from forecasting.prices.identity import is_other_instrument
from forecasting.text import format_count


def withdraw_bars(tx: Transaction, history: PriceHistory, now: datetime, *, trusted: bool) -> list[str]:
    """Move the stored bars that are not of this history to the revisions; return a sentence if any were.

    They are those that the owner has deleted from a file, and those of another instrument before it.

    Args:
        tx: A transaction to write in.
        history: A download.
        now: Start of the run (UTC).
        trusted: The source is live, and takes precedence over the store.
    """
    ticker = history.ticker
    if gone := tx.prices.withdraw_deleted(history, now):
        forget_outcomes(tx, ticker, gone)
        return [f"{ticker}: withdrew the bars that its file has no longer: {format_sessions(gone)}."]
    if not trusted or not is_other_instrument(tx.prices.load(ticker), history):
        return []
    gone = tx.prices.set_aside(ticker, None, None, reason=InstrumentChangedError.reason, at=now)
    bars = format_count(len(gone), "bar")
    return [f"{ticker}: another instrument now; set {bars} up to {gone[-1]} aside as revisions."]


def choose_forgotten(tx: Transaction, ticker: str, *, start: date | None, end: date | None) -> list[date]:
    """Return the sessions of a ticker that a person wants forgotten, both ends included.

    Raises:
        UsageError: There is no bar of any.
    """
    sessions = tx.prices.list_sessions(ticker, start, end)
    if not sessions:
        span = f" from {start or 'the first'} to {end or 'the last'}" if start or end else ""
        raise UsageError(
            f"Expected stored {tx.source} prices of {ticker}{span}, found none; see `bandcast prices status`."
        )
    return sessions


def forget_prices(
    tx: Transaction, ticker: str, *, start: date | None, end: date | None, now: datetime
) -> None:
    """Move a ticker's bars to the revisions, and withdraw its actions, because a person wants it.

    Args:
        tx: A transaction to write in.
        ticker: The symbol.
        start: First session; None for the first stored one.
        end: Last session; None for the last stored one.
        now: When (UTC).
    """
    gone = tx.prices.set_aside(ticker, start, end, reason=FORGOTTEN, at=now)
    forget_outcomes(tx, ticker, gone)


def forget_outcomes(tx: Transaction, ticker: str, sessions: Collection[date]) -> None:
    """Delete the scores that rest on bars that are gone, and those of walks over history.

    Walks are repeated where calibration needs them; what was issued stays.
    """
    tx.outcomes.forget(ticker, sessions)
    tx.paths.forget(ticker, sessions)
    tx.outcomes.forget_walked()
