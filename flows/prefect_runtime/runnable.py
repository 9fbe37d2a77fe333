"""Check before anything is scheduled: could a run work with these settings?"""

from datetime import UTC, datetime

from db import inspect_store
from flows.context import settle_scope
from forecasting.errors import UsageError


def require_runnable() -> None:
    """Check that there are tickers to forecast, and a store that runs can write to or make.

    Raises:
        UsageError: There are none, or the store is of another release.
        SourceError: The source cannot be used.
        StoreError: The database does not answer.
    """
    scope = settle_scope(datetime.now(UTC))
    status = inspect_store(scope.settings.url)
    if status.migration is not None and not status.is_current:
        raise UsageError(
            f"Expected a store of this release at {status.display_url}, found one at migration "
            f"{status.migration}; run `bandcast db upgrade` first."
        )
