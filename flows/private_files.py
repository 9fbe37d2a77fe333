"""Permissions of what bandcast writes: the home is for its user alone, unless it is shared on purpose."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flows.settings import load_settings
from forecasting.errors import UsageError

PRIVATE_UMASK = 0o077  # files 0600, folders 0700

_user_umask: ContextVar[int | None] = ContextVar("user_umask", default=None)


@contextmanager
def private_files() -> Iterator[None]:
    """Create files and folders for this user alone while the block lasts, unless `share_home` is set.

    The umask is that of the process: threads and child processes follow it.
    """
    if _home_is_shared():
        yield
        return
    before = os.umask(PRIVATE_UMASK)
    token = _user_umask.set(before) if _user_umask.get() is None else None
    try:
        yield
    finally:
        os.umask(before)
        if token is not None:
            _user_umask.reset(token)


@contextmanager
def user_umask() -> Iterator[None]:
    """Create files under the umask of the user while the block lasts: for a path that the user named."""
    wanted = _user_umask.get()
    if wanted is None:
        yield
        return
    before = os.umask(wanted)
    try:
        yield
    finally:
        os.umask(before)


def _home_is_shared() -> bool:
    """Return whether the home is shared; where the settings are wrong, who needs them raises."""
    try:
        return load_settings().share_home
    except UsageError:
        return False
