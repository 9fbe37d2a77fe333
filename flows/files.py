"""Files that are whole or not there, and locks that end with their process."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_SECONDS = 10.0  # a block takes a few milliseconds; who holds it for longer has stopped within


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which is renamed when the block ends well: half a file is never seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def try_lock(descriptor: int) -> bool:
    """Lock an open file or folder; return False if another process holds it.

    The lock is the system's own, so a process that was killed holds it no longer.

    Raises:
        OSError: It cannot be locked.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder while the block lasts, to change a file that others change, too.

    Wait for another holder, but for `LOCK_SECONDS` at most, and go on without where no lock is known.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        with suppress(OSError):  # file systems that know no such locks
            while not try_lock(descriptor) and time.monotonic() < deadline:
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)
