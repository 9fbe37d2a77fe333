"""Copies of a store: made by SQLite itself while runs write, and the command that makes one of PostgreSQL."""

import errno
import os
import shlex
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from db.engine import open_engine, reading
from db.file_history import find_file
from forecasting.errors import FileError, NoStoreError

_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # of a file system without them
_SECRET = ("password", "sslpassword")  # parameters of a URL


def back_up_file(url: str, target: Path) -> None:
    """Copy a SQLite store into a new file, as it is at one instant; runs may write meanwhile.

    The copy is whole: it has no log beside it, and can be read from a medium that is read-only.

    Args:
        url: Of the store.
        target: File to make; it exists only once it is complete.

    Raises:
        NoStoreError: There is no store.
        FileError: The target exists, or cannot be written.
        DatabaseFaultError: The store is damaged.
    """
    if target.exists():
        raise FileError(str(target), "it exists")
    open_engine(url, read_only=True).dispose()  # refuses a file that does not exist, and makes none
    file = find_file(sa.make_url(url))
    engine = open_engine(url, read_only=file is not None and not os.access(file, os.W_OK))
    scratch = _make_scratch(target)
    try:
        with reading(engine) as connection:
            if not sa.inspect(connection).get_table_names():
                raise NoStoreError(url)
            _copy(connection, scratch)
        _rename(scratch, target)
    except sqlite3.OperationalError as error:
        raise FileError(str(target), str(error)) from error
    except OSError as error:
        raise FileError(str(target), error.strerror or str(error)) from error
    finally:
        scratch.unlink(missing_ok=True)
        engine.dispose()


def build_dump_command(url: str, target: Path) -> str | None:
    """Build the command that backs up a PostgreSQL store, without its password; None for a SQLite file.

    It keeps the other options of the URL, such as the folder of a socket.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return None
    server = sa.URL.create(
        "postgresql",
        host=parsed.host,
        port=parsed.port,
        database=parsed.database,
        query={name: value for name, value in parsed.query.items() if name not in _SECRET},
    )
    words = ["pg_dump", "--format=custom", f"--file={target}", f"--dbname={server.render_as_string()}"]
    user = [f"--username={parsed.username}"] if parsed.username else []
    return shlex.join(words + user)


def _make_scratch(target: Path) -> Path:
    """Make an empty file beside the target, of a name that nobody has; its folder is made.

    Raises:
        FileError: The folder cannot be made, or written to.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise FileError(str(target), error.strerror or str(error)) from error
    os.close(handle)
    return Path(name)


def _rename(scratch: Path, target: Path) -> None:
    """Give a finished copy its name, unless another process has taken that meanwhile.

    Raises:
        FileError: It has.
    """
    try:
        os.link(scratch, target)  # unlike a renaming, this replaces nothing
    except FileExistsError:
        raise FileError(str(target), "it exists") from None
    except OSError as error:
        if error.errno not in _NO_LINKS or target.exists():
            raise
        scratch.replace(target)


def _copy(connection: sa.Connection, target: Path) -> None:
    """Copy the snapshot of a connection in one step, so that no writer makes it begin again."""
    source = connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection)  # noqa: S101  # of the engine's own driver
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
