"""Registry of price sources by kind.

A new source is one file in this folder, with an opener that is registered under its kind, and the kind in
`forecasting.types.SourceKind`.
"""

from collections.abc import Callable, MutableMapping
from datetime import datetime
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from flows.settings import Settings
from flows.sources.base import PriceSource
from forecasting.errors import UsageError

Opener = Callable[[Settings, datetime], PriceSource]
Registry = MutableMapping[str, Opener]

SOURCES: Registry = {}


def register(kind: str, registry: Registry = SOURCES) -> Callable[[Opener], Opener]:
    """Register the decorated function as the opener of a kind of source."""

    def add(opener: Opener) -> Opener:
        registry[kind] = opener
        return opener

    return add


def open_source(settings: Settings, now: datetime, registry: Registry = SOURCES) -> PriceSource:
    """Open the configured source as it may be at an instant (UTC): no session after it is over.

    Raises:
        UsageError: No source of that kind is registered.
        SourceError: The source cannot be used at all.
    """
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")  # its openers register themselves
    if settings.source not in registry:
        kinds = ", ".join(registry)
        raise UsageError(
            f"Expected one of the sources {kinds}, found '{settings.source}'; choose one of them."
        )
    return registry[settings.source](settings, now)
