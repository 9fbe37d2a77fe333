"""Every error that bandcast raises on purpose.

Each class takes facts and words one sentence: what was expected, what was found, what to do.

    BandcastError
    ├── UsageError                  a request that can never work (exit code 2)
    │   ├── MissingExtraError
    │   └── TableError              a frame that does not have the shape its reader needs
    ├── PriceError                  one ticker is quarantined, the others go on
    │   ├── UnknownTickerError
    │   ├── ShortHistoryError
    │   ├── BadBarsError
    │   │   ├── NonPositivePriceError
    │   │   ├── BadRangeError
    │   │   ├── PriceJumpError
    │   │   ├── WrongSessionsError
    │   │   ├── InstrumentChangedError
    │   │   ├── ScaleChangedError
    │   │   └── ImplausibleCorrectionError
    │   ├── GapError
    │   ├── StaleHistoryError
    │   ├── UnknownExchangeError
    │   ├── SessionsUnknownError
    │   ├── GaveUpError             the time for ingesting is spent
    │   └── VendorError             worth another try
    │       └── RateLimitedError
    ├── CalendarError
    ├── SourceError                 the whole source is unusable
    ├── ModelError
    │   ├── NoModelError
    │   ├── ArchitectureMismatchError
    │   ├── DropoutNotLiveError
    │   ├── GarchFitError
    │   └── PromotionError
    └── StoreError
        ├── DatabaseUnreachableError
        └── MigrationBehindError
"""

from collections.abc import Sequence
from datetime import date


class BandcastError(Exception):
    """Base of every error raised on purpose; its text is one sentence for a person."""


class UsageError(BandcastError):
    """A request that can never work as it was put."""


class MissingExtraError(UsageError):
    """An optional dependency that the request needs is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"Expected the package {package} for {purpose}, found none; "
            f"run `pip install 'bandcast[{extra}]'`."
        )


class TableError(UsageError):
    """A frame that lacks a column, holds values of another kind, or repeats a key."""

    def __init__(self, table: str, expected: str, found: str) -> None:
        super().__init__(f"Expected {table} with {expected}, found {found}.")


class PriceError(BandcastError):
    """A fault of one ticker's prices: the ticker is quarantined for this run, the others go on."""

    reason = "price_error"

    def __init__(self, ticker: str, sentence: str) -> None:
        super().__init__(f"{ticker}: {sentence}")
        self.ticker = ticker


class UnknownTickerError(PriceError):
    """The source does not know the ticker."""

    reason = "unknown_ticker"

    def __init__(self, ticker: str, where: str) -> None:
        super().__init__(ticker, f"expected prices in {where}, found none; check the symbol.")


class ShortHistoryError(PriceError):
    """Too few sessions to compute the features."""

    reason = "short_history"

    def __init__(self, ticker: str, found: int, needed: int) -> None:
        super().__init__(
            ticker,
            f"expected at least {needed} sessions of history, found {found}; wait or load more history.",
        )


class BadBarsError(PriceError):
    """Bars that no market can have printed."""

    reason = "bad_bars"

    def __init__(self, ticker: str, expected: str, found: str) -> None:
        super().__init__(ticker, f"expected {expected}, found {found}; correct the source and run again.")


class NonPositivePriceError(BadBarsError):
    """A price of zero or less."""

    reason = "non_positive_price"


class BadRangeError(BadBarsError):
    """A high below the low, or a close outside of both."""

    reason = "bad_range"


class PriceJumpError(BadBarsError):
    """A jump that no market has made: without volume or action, or gone the next day."""

    reason = "price_jump"


class WrongSessionsError(BadBarsError):
    """Bars on days on which the exchange does not trade: a wrong time zone, or another instrument."""

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
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        found = f"none for {missing[-1]}{more}"
        super().__init__(
            ticker, f"expected a bar for every session, found {found}; run again when it is out."
        )


class StaleHistoryError(PriceError):
    """The last bar is older than the session to forecast from."""

    reason = "stale"

    def __init__(self, ticker: str, expected: date, found: date | None) -> None:
        last = f"the last at {found}" if found else "none"
        super().__init__(
            ticker,
            f"expected a bar for session {expected}, found {last}; run again when it is out.",
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
            f"expected all prices within {minutes:g} minutes, found them missing; "
            "run again later or raise BANDCAST_INGEST_MINUTES.",
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


class CalendarError(BandcastError):
    """A date outside what the exchange calendar covers, or an unknown calendar."""


class SourceError(BandcastError):
    """A price source that cannot be used at all."""


class ModelError(BandcastError):
    """A fault of the model."""


class NoModelError(ModelError):
    """A version that the store does not hold."""

    def __init__(self, version: str) -> None:
        super().__init__(f"Expected model {version} in the store, found none; run `bandcast retrain`.")


class ArchitectureMismatchError(ModelError):
    """Stored weights that do not fit the network that their config describes."""

    def __init__(self, version: str, detail: str) -> None:
        super().__init__(
            f"Expected the weights of model {version} to fit the network of this release, found {detail}; "
            "run `bandcast retrain`."
        )


class DropoutNotLiveError(ModelError):
    """Two Monte-Carlo-dropout runs agree to the last bit, so the bands would lack model uncertainty."""

    def __init__(self, ticker: str) -> None:
        super().__init__(
            f"Expected dropout runs for {ticker} to differ, found them identical; "
            "train a model with dropout > 0."
        )


class GarchFitError(ModelError):
    """GARCH has no usable fit for a ticker: fall back on the random walk, and say so in what is stored."""

    def __init__(self, ticker: str, found: str) -> None:
        super().__init__(
            f"Expected a GARCH(1,1) fit for {ticker}, found {found}; use the random walk in its place."
        )


class PromotionError(ModelError):
    """Too few dates to compare two models on."""

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(
            f"Expected at least {needed} dates that neither model was trained on to compare them, found "
            f"{found}; load more history, or wait."
        )


class StoreError(BandcastError):
    """A fault of the database."""


class DatabaseUnreachableError(StoreError):
    """The database does not answer."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"Expected a database at {url}, found {detail}; check BANDCAST_DATABASE_URL.")


class MigrationBehindError(StoreError):
    """The schema is not the one this release needs."""

    def __init__(self, found: str | None, expected: str) -> None:
        super().__init__(
            f"Expected the database at migration {expected}, "
            f"found {found or 'a database without migrations'}; run `bandcast db upgrade`."
        )
