"""One intra-op thread while a network is fitted or paths are drawn.

Another thread count may change the last bits of a product, so a model would depend on the machine's cores. It
also pays: on two cores, two threads halve the time of a fit where nothing else runs, and take ten times as
long where something does, because they wait for each other by spinning.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch


@dataclass
class _Counter:
    """Simulations under way in this process, and the thread count to return to."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    inside: int = 0
    before: int = 1


_COUNTER = _Counter()


@contextmanager
def single_thread() -> Iterator[None]:
    """Hold torch at one thread in this block.

    OpenMP counts by calling thread and torch starts a new thread from the latest count set anywhere, so each
    block gives its own thread back what the first of the concurrent ones found.
    """
    with _COUNTER.lock:
        if _COUNTER.inside == 0:
            _COUNTER.before = torch.get_num_threads()
        _COUNTER.inside += 1
        torch.get_num_threads()  # the first use of torch in a thread sets its count: before ours, not after
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _COUNTER.lock:
            _COUNTER.inside -= 1
            torch.set_num_threads(_COUNTER.before)
