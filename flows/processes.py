"""Processes that share work: one thread each, fresh, and ended with the process that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from forecasting.errors import BandcastError, ModelError

Result = TypeVar("Result")

_SHARED: list[Any] = []  # the object that this process was started with


@contextmanager
def start_processes(workers: int, shared: object) -> Iterator[Executor]:
    """Start fresh processes that keep an object; they end with this one, even if it is killed.

    Args:
        workers: Number of processes.
        shared: Sent to each once; `call_with_shared` gives it to functions.
    """
    with (
        _single_threaded_libraries(),
        ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=keep_shared,
            initargs=(shared,),
        ) as pool,
    ):
        yield pool


def keep_shared(shared: object) -> None:
    """Keep an object for `call_with_shared`; leave Ctrl-C to the parent process, and end with it."""
    if multiprocessing.parent_process() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end_with_parent, daemon=True).start()
    _SHARED[:] = [shared]


def call_with_shared(function: Callable[..., Result], *arguments: object) -> Result:
    """Call a function with the object that this process was started with, before other arguments.

    Raises:
        ModelError: With the sentence of an error raised on purpose: not every one can be sent to its parent.
    """
    try:
        return function(_SHARED[0], *arguments)
    except BandcastError as error:
        raise ModelError(str(error)) from error


@contextmanager
def _single_threaded_libraries() -> Iterator[None]:
    """Set what numerical libraries read when they are loaded; children inherit it."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # a killed parent closes no queue: this process would wait for ever
