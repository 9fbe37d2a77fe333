"""Every error that bandcast raises on purpose.

Each class takes facts and words one sentence: what was expected, what was found, what to do.

    BandcastError
    ├── InternalError               what nobody foresaw
    ├── FileError                   a file, folder or output that cannot be used
    ├── UsageError                  a request that can never work (exit code 2)
    │   ├── SymbolError
    │   ├── MissingExtraError
    │   └── TableError              a frame that does not have the shape its reader needs
    ├── PriceError                  one ticker is quarantined, the others go on
    │   ├── UnknownTickerError
    │   ├── ShortHistoryError
    │   ├── BadBarsError
    │   │   ├── NonPositivePriceError
    │   │   ├── BadRangeError
    │   │   ├── PriceJumpError
    │   │   ├── UnadjustedSplitError
    │   │   ├── WrongSessionsError
    │   │   ├── InstrumentChangedError
    │   │   ├── ScaleChangedError
    │   │   └── ImplausibleCorrectionError
    │   ├── GapError
    │   ├── StaleHistoryError
    │   ├── StalePriceError
    │   ├── UnfinishedSessionError
    │   ├── UnknownExchangeError
    │   ├── SessionsUnknownError
    │   ├── GaveUpError             the time for ingesting is spent
    │   ├── UnexpectedError         what nobody foresaw
    │   └── VendorError             worth another try
    │       └── RateLimitedError
    ├── CalendarError
    ├── SourceError                 the whole source is unusable
    ├── ModelError
    │   ├── NoModelError
    │   ├── ArchitectureMismatchError
    │   ├── DigestMismatchError
    │   ├── DropoutNotLiveError
    │   ├── RungFailedError
    │   ├── GarchFitError
    │   └── PromotionError
    └── StoreError
        ├── BadCalibrationError
        ├── DatabaseUnreachableError
        ├── DatabaseFaultError      it answers, and fails at its work
        ├── DatabaseLockedError
        ├── EmptiedStoreError
        └── MigrationBehindError
"""

from collections.abc import Sequence
from datetime import date

from forecasting.text import clean_text


class BandcastError(Exception):
    """Base of every error raised on purpose; its text is one sentence for a person, cleaned here for all."""

    def __init__(self, sentence: str) -> None:
        super().__init__(clean_text(sentence))


class InternalError(BandcastError):
    """An error that nobody foresaw, with its type and text, and where its traceback is."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"Expected no error, found {found}; {advice}.")


class FileError(BandcastError):
    """A file, a folder or an output that cannot be used."""

    def __init__(self, name: str, found: str) -> None:
        super().__init__(f"Expected to use {name}, found: {found}; name another, or make room or permit it.")


class UsageError(BandcastError):
    """A request that can never work as it was put."""


class SymbolError(UsageError):
    """A text that cannot be the symbol of a ticker."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"Expected symbols such as AAPL, BRK-B, 0005.HK or ^GSPC, found '{clean_text(found, 40)}'; "
            "correct the tickers."
        )


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
            f"expected all prices within {minutes:g} minutes, found them missing; "
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


class DigestMismatchError(ModelError):
    """Stored bytes that are not those which the model's version names."""

    def __init__(self, version: str, found: str) -> None:
        super().__init__(
            f"Expected the weights and the config of model {version} as they were stored, found others "
            f"(digest {found}); restore the row or run `bandcast retrain`."
        )


class RungFailedError(ModelError):
    """A model without bands of a ticker that may be published; the next rung of the ladder takes over."""

    def __init__(self, version: str, ticker: str, expected: str, found: str) -> None:
        model = version or "in hand"
        super().__init__(
            f"Expected {expected} from model {model} for {ticker}, found {found}; a lower rung takes over."
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


class BadCalibrationError(StoreError):
    """A calibration state that cannot have been learned."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"Expected {expected}, found {found}; the next run learns it anew.")


class DatabaseUnreachableError(StoreError):
    """The database does not answer."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"Expected a database at {url}, found {detail}; check BANDCAST_DATABASE_URL.")


class DatabaseFaultError(StoreError):
    """The database answers, but cannot do its work; the transaction is rolled back."""

    def __init__(self, url: str, found: str, advice: str) -> None:
        super().__init__(f"Expected a working database at {url}, found {found}; {advice}.")


class DatabaseLockedError(StoreError):
    """Another process holds the lock that this one waits for."""

    def __init__(self, url: str, waited_seconds: float) -> None:
        super().__init__(
            f"Expected to write to the database at {url}, found it locked by another writer for "
            f"{waited_seconds:.0f} seconds; look for a process that stopped within its transaction, end it "
            "and run again."
        )


class EmptiedStoreError(StoreError):
    """The SQLite file is empty, and has held a store."""

    def __init__(self, database: str, *remains: str) -> None:
        super().__init__(
            f"Expected the store that {database} has held, found an empty file; put a backup in its place, "
            f"or delete {database} with {' and '.join(remains)} to start over."
        )


class MigrationBehindError(StoreError):
    """The schema is not the one this release needs."""

    def __init__(self, found: str | None, expected: str) -> None:
        super().__init__(
            f"Expected the database at migration {expected}, "
            f"found {found or 'a database without migrations'}; run `bandcast db upgrade`."
        )
