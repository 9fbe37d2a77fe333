"""Errors of one ticker's prices, each with the reason under which the ticker is quarantined."""

from collections.abc import Sequence
from datetime import date

from forecasting.errors.base import BandcastError
from forecasting.text import format_count, name_some


class PriceError(BandcastError):
    """A fault of one ticker's prices: the ticker is quarantined for this run, the others go on."""

    reason = "price_error"

    def __init__(self, ticker: str, sentence: str) -> None:
        super().__init__(f"{ticker}: {sentence}")
        self.ticker = ticker


class UnknownTickerError(PriceError):
    """The source does not know the ticker, or has no bar of it."""

    reason = "unknown_ticker"

    def __init__(self, ticker: str, where: str) -> None:
        super().__init__(ticker, f"expected prices in {where}, found none; check the symbol.")


class ShortHistoryError(PriceError):
    """Too few sessions to compute the features, or none yet at the session of a run."""

    reason = "short_history"

    def __init__(self, ticker: str, found: int, needed: int, *, begins: date | None = None) -> None:
        cause = f", since its prices begin at {begins}" if begins else ""
        advice = "forecast it from that session on" if begins else "wait"
        super().__init__(
            ticker,
            f"expected at least {format_count(needed, 'session')} of history, found {found}{cause}; "
            f"{advice} or load more history.",
        )


class BadBarsError(PriceError):
    """Bars that no market can have printed.

    Attributes:
        session: Of the newest bar or action that is at fault; None where the fault is not one of single bars.
    """

    reason = "bad_bars"

    def __init__(self, ticker: str, expected: str, found: str, session: date | None = None) -> None:
        super().__init__(ticker, f"expected {expected}, found {found}; correct the source and run again.")
        self.session = session


class NonPositivePriceError(BadBarsError):
    """A price of zero or less."""

    reason = "non_positive_price"


class BadRangeError(BadBarsError):
    """A high below the low, or a close outside of both."""

    reason = "bad_range"


class PriceJumpError(BadBarsError):
    """A jump that no market has made: without volume or action, or gone the next day."""

    reason = "price_jump"


class UnadjustedSplitError(BadBarsError):
    """Prices that step by a split's ratio as they do at an ex-date, without a split in the source."""

    reason = "unadjusted_split"


class WrongSessionsError(BadBarsError):
    """Bars on other days than the exchange trades: a wrong time zone, a bar a week, another instrument."""

    reason = "wrong_sessions"


class InstrumentChangedError(BadBarsError):
    """The symbol now stands for something else: another currency, kind or time zone."""

    reason = "instrument_changed"


class ScaleChangedError(BadBarsError):
    """Stored bars come back multiplied, and no split explains it."""

    reason = "scale_changed"


class ImplausibleCorrectionError(BadBarsError):
    """The source corrects more, or by more, than a vendor corrects in a day."""

    reason = "implausible_correction"


class GapError(PriceError):
    """A session of the exchange without a bar, too recent to be passed over."""

    reason = "gap"

    def __init__(self, ticker: str, missing: Sequence[date]) -> None:
        found = f"none for {name_some(missing, 1, last=True)}"
        super().__init__(
            ticker, f"expected a bar for every session, found {found}; run again when it is out."
        )


class StaleHistoryError(PriceError):
    """The last bar is older than the session to forecast from."""

    reason = "stale"

    def __init__(
        self, ticker: str, expected: date, found: date | None, *, day_off: date | None = None
    ) -> None:
        last = f"the last at {found}" if found else "none"
        advice = "run again when it is out"
        if day_off:  # a bar a week, or dates that are shifted
            last += f" and a row of {day_off}, on which the exchange is closed"
            advice = "correct that date, or run again when the bar is out"
        super().__init__(ticker, f"expected a bar for session {expected}, found {last}; {advice}.")


class CutFileError(PriceError):
    """A file of an owner has lost most of the rows that were read from it."""

    reason = "cut_file"

    def __init__(self, ticker: str, kept: int, stored: int) -> None:
        super().__init__(
            ticker,
            f"expected a file with the {stored} sessions that are stored, found {kept} of them, as after an "
            "interrupted copy; put the rows back or, if they are to go, run "
            f"`bandcast prices forget {ticker}`.",
        )


class StalePriceError(PriceError):
    """Prices that no longer move, or that nobody trades at."""

    reason = "stale_price"

    def __init__(self, ticker: str, sessions: int, found: str) -> None:
        super().__init__(
            ticker,
            f"expected trading within the last {sessions} sessions, found {found}; "
            "leave the ticker out until it trades again.",
        )


class UnfinishedSessionError(PriceError):
    """A bar of a session that has not closed: a mistyped year, or a file written too early."""

    reason = "unfinished_session"

    def __init__(self, ticker: str, last: date, found: date) -> None:
        super().__init__(
            ticker,
            f"expected no bar after {last}, found one of {found}, which is not over; correct its date.",
        )


class UnknownExchangeError(PriceError):
    """The calendar of the symbol's exchange is unknown, or the source dates its bars in another zone."""

    reason = "unknown_exchange"

    def __init__(self, ticker: str, expected: str, found: str, advice: str) -> None:
        super().__init__(ticker, f"expected {expected}, found {found}; {advice}.")


class SessionsUnknownError(PriceError):
    """The calendar of the ticker's exchange does not reach the sessions to forecast."""

    reason = "sessions_unknown"


class GaveUpError(PriceError):
    """The time for ingesting was spent before this ticker's prices were in."""

    reason = "gave_up"

    def __init__(self, ticker: str, minutes: float) -> None:
        super().__init__(
            ticker,
            f"expected all prices within {format_count(minutes, 'minute')}, found them missing; "
            "run again later or raise BANDCAST_INGEST_MINUTES.",
        )


class UnexpectedError(PriceError):
    """An error without a name here, which the prices of one ticker make a step raise."""

    reason = "unexpected"

    def __init__(self, ticker: str, found: str) -> None:
        super().__init__(
            ticker,
            f"expected prices that can be worked with, found {found}; correct the source or report it.",
        )


class VendorError(PriceError):
    """The vendor failed to answer for this ticker; the same request may work later."""

    reason = "vendor_error"

    def __init__(self, ticker: str, found: str) -> None:
        super().__init__(ticker, f"expected daily prices from the vendor, found {found}; run again later.")


class RateLimitedError(VendorError):
    """The vendor refuses further requests for a while: wait minutes, not seconds."""

    reason = "rate_limited"

    def __init__(self, ticker: str) -> None:
        super().__init__(ticker, "a refusal for too many requests (429)")
