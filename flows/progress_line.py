"""Progress of what a command does itself, for the person who waits for it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Timer

SECONDS_BETWEEN_LINES = 15.0  # where no terminal shows a line being rewritten
SLOW_SECONDS = 5.0


@dataclass
class ProgressLine:
    """One line on standard error, rewritten on a terminal and repeated now and then elsewhere."""

    label: str
    total: int
    done: int = 0
    started: float = field(default_factory=time.monotonic)
    printed: float = 0.0

    def step(self) -> None:
        """Count one more."""
        self.done += 1
        now, is_last = time.monotonic(), self.done == self.total
        left = (now - self.started) / self.done * (self.total - self.done)
        if not (is_last or sys.stderr.isatty() or now - self.printed > SECONDS_BETWEEN_LINES):
            return
        self.printed = now
        end = "\r" if sys.stderr.isatty() and not is_last else "\n"
        line = f"{self.label}: {self.done} of {self.total}, {_format_clock(left)} left"
        print(f"{line:60}", end=end, file=sys.stderr, flush=True)  # noqa: T201  # the person waits for it


@contextmanager
def announce_if_slow(text: str, seconds: float = SLOW_SECONDS) -> Iterator[None]:
    """Say on standard error what the block is at, if it lasts longer than some seconds."""
    timer = Timer(seconds, lambda: print(text, file=sys.stderr, flush=True))  # noqa: T201  # as above
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _format_clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
