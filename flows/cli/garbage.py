"""Garbage collection of commands that soon end."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Suspend the search for cyclic garbage, a tenth of the time of a command that imports much and ends."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.unfreeze()  # both together leave what is new to the next full search, without one now
            gc.enable()
