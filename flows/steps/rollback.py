"""Rollback: the champion before the present one serves again."""

from db import open_existing
from flows.settings import Settings


def roll_back(settings: Settings, champion: str | None = None) -> str:
    """Make the champion before the present one serve again, the present one never more; return a sentence.

    Args:
        settings: Of the store and its source.
        champion: The champion that is to be taken back; None for whichever serves.

    Raises:
        NoStoreError: There is no store.
        StoreError: No champion, another one, or none before it.
    """
    with open_existing(settings.url, settings.source) as store, store.writing() as tx:
        rollback = tx.models.rollback(champion)
    return f"Model {rollback.active} serves; {rollback.withdrawn} was taken back."
