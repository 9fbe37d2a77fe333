"""Check before anything is scheduled: could a run work with these settings?"""

from datetime import UTC, datetime

from db import inspect_store
from flows.context import resolve_scope
from flows.settings import load_settings
from flows.sources.registry import open_source
from flows.symbols import names_variable
from forecasting.errors import UsageError


def require_runnable() -> None:
    """Check that there are tickers to forecast, and a store that runs can write to or make.

    A Prefect Variable is left to the runs: the server that holds it may not have started yet.

    Raises:
        UsageError: There are none, or the store is of another release.
        SourceError: The source cannot be used.
        StoreError: The database does not answer.
    """
    settings, now = load_settings(), datetime.now(UTC)
    if any(map(names_variable, settings.tickers)):
        open_source(settings, now)
    else:
        resolve_scope(now)
    status = inspect_store(settings.url)
    if status.migration is not None and not status.is_current:
        raise UsageError(
            f"Expected a store of this release at {status.display_url}, found one at migration "
            f"{status.migration}; {status.advice} first."
        )
