"""Errors of a model: a lower rung of the ladder takes over, or nothing is trained or promoted."""

from forecasting.errors.base import BandcastError
from forecasting.text import format_count


class ModelError(BandcastError):
    """A fault of the model."""


class NoModelError(ModelError):
    """A version that the store does not hold."""

    def __init__(self, version: str) -> None:
        super().__init__(f"Expected model {version} in the store, found none; run `bandcast retrain`.")


class UnreadableModelError(ModelError):
    """A stored row with a value that its column cannot hold: SQLite lets any text into any column."""

    def __init__(self, version: str, found: str) -> None:
        super().__init__(
            f"Expected a readable row of model {version} in model_versions, found {found}; restore the row "
            "or run `bandcast retrain`."
        )


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
    """All dropout runs agree to the last bit under masks that differ: the bands would lack uncertainty."""

    def __init__(self, ticker: str) -> None:
        super().__init__(
            f"Expected dropout runs for {ticker} to differ, found them identical; train a new model."
        )


class GarchFitError(ModelError):
    """GARCH has no usable fit for a ticker: fall back on the random walk, and store that it was used."""

    def __init__(self, ticker: str, found: str) -> None:
        super().__init__(
            f"Expected a GARCH(1,1) fit for {ticker}, found {found}; use the random walk in its place."
        )


class PromotionError(ModelError):
    """Too few dates to compare two models on."""

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(
            f"Expected at least {format_count(needed, 'date')} that neither model was trained on to compare "
            f"them, found {found}; load more history, or wait."
        )
