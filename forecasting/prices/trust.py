"""Trust in a source that contradicts the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from forecasting.errors import ImplausibleCorrectionError, InstrumentChangedError, ScaleChangedError

# A vendor's slip is gone the next day; what it repeats for five sessions running is a correction.
CONTRADICTIONS = {
    error.reason for error in (InstrumentChangedError, ScaleChangedError, ImplausibleCorrectionError)
}
TRUSTED_AFTER_SESSIONS = 5
TRUSTED_WITHIN = timedelta(days=14)


@dataclass(frozen=True)
class Refusal:
    """A session at which a ticker was quarantined, and the reason."""

    as_of: date
    reason: str


def is_trusted(refusals: Sequence[Refusal], as_of: date) -> bool:
    """Return whether the source has contradicted the store in each of the last few runs.

    Args:
        refusals: The newest quarantines of the ticker before `as_of`, the newest first.
        as_of: The session of the run.
    """
    newest = refusals[:TRUSTED_AFTER_SESSIONS]
    if len(newest) < TRUSTED_AFTER_SESSIONS:
        return False
    contradicting = all(refusal.reason in CONTRADICTIONS for refusal in newest)
    return contradicting and as_of - min(refusal.as_of for refusal in newest) <= TRUSTED_WITHIN
