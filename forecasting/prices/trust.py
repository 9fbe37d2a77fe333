"""Trust in a source that contradicts the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from forecasting.errors import BadBarsError, GapError, ShortHistoryError, StaleHistoryError, StalePriceError

# A vendor's slip is gone the next day. Prices that are refused for five sessions running, for whatever
# reasons, are believed where they still contradict the store; a bar that no market prints never is.
CONTRADICTIONS = {BadBarsError.reason, *(error.reason for error in BadBarsError.__subclasses__())}
# Prices that came and were stored. All other reasons are about no prices: they neither count nor interrupt.
AGREEMENTS = {error.reason for error in (GapError, ShortHistoryError, StaleHistoryError, StalePriceError)}
TRUSTED_AFTER_SESSIONS = 5
TRUSTED_WITHIN = timedelta(days=14)


@dataclass(frozen=True)
class Refusal:
    """A session at which a ticker was quarantined, and the reason."""

    as_of: date
    reason: str


def is_trusted(refusals: Sequence[Refusal], as_of: date, *, stored_through: date | None = None) -> bool:
    """Return whether the source's prices were refused in each of the last few runs that got any.

    Args:
        refusals: The newest quarantines of the ticker before `as_of`, the newest first; those within
            `TRUSTED_WITHIN` are enough.
        as_of: The session of the run.
        stored_through: The newest stored session; a refusal up to it was followed by a run that stored bars.
    """
    unsettled = [each for each in refusals if stored_through is None or each.as_of > stored_through]
    newest = [each for each in unsettled if each.reason in CONTRADICTIONS | AGREEMENTS]
    newest = newest[:TRUSTED_AFTER_SESSIONS]
    if len(newest) < TRUSTED_AFTER_SESSIONS or any(each.reason in AGREEMENTS for each in newest):
        return False
    return as_of - newest[-1].as_of <= TRUSTED_WITHIN
