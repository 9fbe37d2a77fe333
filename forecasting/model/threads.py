"""One intra-op thread while a network is fitted or paths are drawn.

Another thread count may change the last bits of a product, so a model would depend on the machine's cores. It
also pays: on two cores, two threads halve the time of a fit where nothing else runs, and take ten times as
long where something does, because they wait for each other by spinning.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LOCK = threading.Lock()
_HELD: list[int] = []  # for each block under way in this process, the thread count to return to


@contextmanager
def single_thread() -> Iterator[None]:
    """Hold torch at one thread in this block.

    OpenMP counts by calling thread and torch starts a new thread from the latest count set anywhere, so each
    block gives its own thread back what the first of the concurrent ones found.
    """
    with _LOCK:
        # Also where it is not kept: the first use of torch in a thread sets its count, before ours.
        found = torch.get_num_threads()
        _HELD.append(_HELD[0] if _HELD else found)
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _LOCK:
            torch.set_num_threads(_HELD.pop())
