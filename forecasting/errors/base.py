"""Base of every error, and the errors that are of no one ticker, model or database."""

from forecasting.text import clean_text


class BandcastError(Exception):
    """Base of every error raised on purpose; its text is one sentence for a person, cleaned here for all."""

    def __init__(self, sentence: str) -> None:
        super().__init__(clean_text(sentence))


class InternalError(BandcastError):
    """An unforeseen error, with its type and text, and where its traceback is."""

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


class CalendarError(BandcastError):
    """A date outside what the exchange calendar covers, or an unknown calendar."""


class SourceError(BandcastError):
    """A price source that cannot be used at all."""


class PriceFolderError(SourceError, UsageError):
    """No folder of price files is named, or one that cannot be read."""
