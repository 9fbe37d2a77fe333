"""Every error that bandcast raises on purpose.

Each class takes facts and builds one sentence: what was expected, what was found, what to do.

    BandcastError
    ├── InternalError               an unforeseen error
    ├── FileError                   a file, folder or output that cannot be used
    ├── UsageError                  a request that can never work (exit code 2)
    │   ├── SymbolError
    │   ├── MissingExtraError
    │   ├── NoStoreError            a command that reads, and no database
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
    │   ├── CutFileError
    │   ├── StaleHistoryError
    │   ├── StalePriceError
    │   ├── UnfinishedSessionError
    │   ├── UnknownExchangeError
    │   ├── SessionsUnknownError
    │   ├── GaveUpError             the time for ingesting is spent
    │   ├── UnexpectedError         an unforeseen error
    │   └── VendorError             worth another try
    │       └── RateLimitedError
    ├── CalendarError
    ├── SourceError                 the whole source is unusable
    │   └── PriceFolderError        a UsageError, too
    ├── ModelError
    │   ├── NoModelError
    │   ├── UnreadableModelError
    │   ├── ArchitectureMismatchError
    │   ├── DigestMismatchError
    │   ├── DropoutNotLiveError
    │   ├── RungFailedError
    │   ├── GarchFitError
    │   └── PromotionError
    └── StoreError
        ├── BadCalibrationError
        ├── DatabaseUnreachableError
        │   └── BadDatabaseUrlError  a UsageError, too
        ├── DatabaseFaultError      it answers, and fails at its work
        ├── DatabaseLockedError
        ├── EmptiedStoreError
        ├── UnknownMigrationError
        └── MigrationBehindError
"""

from forecasting.errors.base import (
    BandcastError,
    CalendarError,
    FileError,
    InternalError,
    MissingExtraError,
    PriceFolderError,
    SourceError,
    SymbolError,
    TableError,
    UsageError,
)
from forecasting.errors.models import (
    ArchitectureMismatchError,
    DigestMismatchError,
    DropoutNotLiveError,
    GarchFitError,
    ModelError,
    NoModelError,
    PromotionError,
    RungFailedError,
    UnreadableModelError,
)
from forecasting.errors.prices import (
    BadBarsError,
    BadRangeError,
    CutFileError,
    GapError,
    GaveUpError,
    ImplausibleCorrectionError,
    InstrumentChangedError,
    NonPositivePriceError,
    PriceError,
    PriceJumpError,
    RateLimitedError,
    ScaleChangedError,
    SessionsUnknownError,
    ShortHistoryError,
    StaleHistoryError,
    StalePriceError,
    UnadjustedSplitError,
    UnexpectedError,
    UnfinishedSessionError,
    UnknownExchangeError,
    UnknownTickerError,
    VendorError,
    WrongSessionsError,
)
from forecasting.errors.stores import (
    BadCalibrationError,
    BadDatabaseUrlError,
    DatabaseFaultError,
    DatabaseLockedError,
    DatabaseUnreachableError,
    EmptiedStoreError,
    MigrationBehindError,
    NoStoreError,
    StoreError,
    UnknownMigrationError,
)

__all__ = [
    "ArchitectureMismatchError",
    "BadBarsError",
    "BadCalibrationError",
    "BadDatabaseUrlError",
    "BadRangeError",
    "BandcastError",
    "CalendarError",
    "CutFileError",
    "DatabaseFaultError",
    "DatabaseLockedError",
    "DatabaseUnreachableError",
    "DigestMismatchError",
    "DropoutNotLiveError",
    "EmptiedStoreError",
    "FileError",
    "GapError",
    "GarchFitError",
    "GaveUpError",
    "ImplausibleCorrectionError",
    "InstrumentChangedError",
    "InternalError",
    "MigrationBehindError",
    "MissingExtraError",
    "ModelError",
    "NoModelError",
    "NoStoreError",
    "NonPositivePriceError",
    "PriceError",
    "PriceFolderError",
    "PriceJumpError",
    "PromotionError",
    "RateLimitedError",
    "RungFailedError",
    "ScaleChangedError",
    "SessionsUnknownError",
    "ShortHistoryError",
    "SourceError",
    "StaleHistoryError",
    "StalePriceError",
    "StoreError",
    "SymbolError",
    "TableError",
    "UnadjustedSplitError",
    "UnexpectedError",
    "UnfinishedSessionError",
    "UnknownExchangeError",
    "UnknownMigrationError",
    "UnknownTickerError",
    "UnreadableModelError",
    "UsageError",
    "VendorError",
    "WrongSessionsError",
]
