"""Trust in a source that contradicts the store."""

from collections.abc import Sequence
from datetime import date, timedelta

from forecasting.errors import ImplausibleCorrectionError, InstrumentChangedError, ScaleChangedError

# A vendor's slip is gone the next day; what it repeats for five sessions running is a correction.
CONTRADICTIONS = {
    error.reason for error in (InstrumentChangedError, ScaleChangedError, ImplausibleCorrectionError)
}
TRUSTED_AFTER_SESSIONS = 5
TRUSTED_WITHIN = timedelta(days=14)


def is_trusted(refusals: Sequence[tuple[date, str]], as_of: date) -> bool:
    """Return whether the source has contradicted the store in each of the last few runs.

    Args:
        refusals: Session and reason of the newest quarantines of the ticker before `as_of`, newest first.
        as_of: The session of the run.
    """
    newest = refusals[:TRUSTED_AFTER_SESSIONS]
    if len(newest) < TRUSTED_AFTER_SESSIONS:
        return False
    contradicting = all(reason in CONTRADICTIONS for _, reason in newest)
    return contradicting and as_of - min(session for session, _ in newest) <= TRUSTED_WITHIN
