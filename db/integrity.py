"""Check of a SQLite file, page by page."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from db.engine import display_url, reading
from db.faults import DAMAGED
from forecasting.errors import DatabaseFaultError

LOG_SECONDS = 30
_log = logging.getLogger(__name__)


def check_pages(engine: sa.Engine) -> None:
    """Check every page of a SQLite file; log every `LOG_SECONDS`, because a large file takes minutes.

    PostgreSQL checks its own pages.

    Raises:
        DatabaseFaultError: The file is damaged.
    """
    if engine.dialect.name != "sqlite":
        return
    with reading(engine) as connection, _logging(engine):
        found = list(connection.exec_driver_sql("PRAGMA quick_check(1)").scalars())
    if found != ["ok"]:
        words = " ".join(str(found[0]).split())
        raise DatabaseFaultError(display_url(engine.url), f"{DAMAGED.found}, '{words}'", DAMAGED.advice)


@contextmanager
def _logging(engine: sa.Engine) -> Iterator[None]:
    start, finished = time.monotonic(), threading.Event()

    def log() -> None:
        while not finished.wait(LOG_SECONDS):
            _log.warning("checking %s, for %.0f s now", display_url(engine.url), time.monotonic() - start)

    logger = threading.Thread(target=log, daemon=True)
    logger.start()
    try:
        yield
    finally:
        finished.set()
        logger.join()
