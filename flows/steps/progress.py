"""Progress of long steps, in the run's log at least every half minute."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field

from prefect import get_run_logger

SECONDS_BETWEEN_LINES = 25.0


@dataclass
class Progress:
    """How far a step has come: a text that its work changes and another thread logs."""

    name: str
    state: str = ""
    started: float = field(default_factory=time.monotonic)

    def count(self, done: int, total: int) -> None:
        """Note how many of the items are done that the step is named after."""
        self.state = f"{done} of {total}"

    def describe(self) -> str:
        """Return one line for the log."""
        seconds = time.monotonic() - self.started
        return f"{self.name}: {self.state or 'at work'} after {seconds:.0f} seconds"


@contextmanager
def log_progress(name: str, seconds: float = SECONDS_BETWEEN_LINES) -> Iterator[Progress]:
    """Log the progress of a block every so many seconds; a short block logs nothing."""
    logger, done, progress = get_run_logger(), threading.Event(), Progress(name)

    def log() -> None:
        while not done.wait(seconds):
            logger.info("%s", progress.describe())

    # Without the caller's context, Prefect would know no API URL there, and start a server for each line.
    thread = threading.Thread(target=copy_context().run, args=(log,), name=f"progress-{name}", daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        done.set()
        thread.join()
