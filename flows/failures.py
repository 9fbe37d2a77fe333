"""Unforeseen errors: one sentence without secrets for a person, the traceback in a log file."""

import errno
import io
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings.exceptions import SettingsError

from flows.environment import read_environment
from flows.settings import load_settings
from forecasting.errors import BandcastError, FileError, InternalError, UsageError
from forecasting.text import clean_text, keep_visible, mask_credentials, mask_secrets, shorten

LOG_FILE = Path("logs") / "bandcast.log"  # in the home
LARGEST_LOG = 1_000_000  # bytes; the file before it is kept beside it
SHORTEST_TOKEN = 8  # characters of a part of an Apprise URL that is taken for a secret
LONGEST_TRACEBACK = 50_000  # characters
SECRET_NAMES = ("AUTH_STRING", "API_KEY", "PASSWORD")  # ends of the names of variables
URL_NAMES = ("BANDCAST_DATABASE_URL", "PREFECT_API_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL")

NOTIFY_NAME = "BANDCAST_NOTIFY_URL"
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+")

FILE_FAULTS = {
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG,
    errno.ENOENT, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip


def translate_error(error: Exception) -> BandcastError:
    """Return any error as one of bandcast, whose text is a sentence for a person.

    A fault of a file or disk becomes a `FileError`, any other unforeseen error an `InternalError`.
    """
    if isinstance(error, BandcastError):
        return error
    if isinstance(error, ValidationError) and error.title.endswith("Settings"):  # bandcast's are translated
        return UsageError(_describe_prefect_error(error))
    if not isinstance(error, OSError) or error.errno not in FILE_FAULTS:
        return log_unexpected(error)
    translated = FileError(str(error.filename or "a file"), os.strerror(error.errno))
    translated.__cause__ = error
    return translated


def require_prefect_settings() -> None:
    """Refuse a wrong setting of Prefect, which its import alone would print with its value.

    Raises:
        UsageError: One is wrong.
    """
    printed = io.StringIO()
    with redirect_stderr(printed):
        from prefect.settings import get_current_settings
    try:
        get_current_settings()
    except ValidationError as error:
        raise UsageError(_describe_prefect_error(error)) from None
    except SettingsError as error:
        raise UsageError(f"Expected valid settings PREFECT_*, found an {error}; correct it.") from None
    sys.stderr.write(printed.getvalue())


def _describe_prefect_error(error: ValidationError) -> str:
    """Describe a wrong setting of Prefect; its value may be a secret."""
    first = error.errors()[0]
    wrong = str(first["input"]).lower()
    holders = [
        name for name, value in os.environ.items() if name.startswith("PREFECT_") and value.lower() == wrong
    ]
    name = " or ".join(holders) or f"{' '.join(map(str, first['loc'])) or 'value'} in {error.title}"
    return f"Expected valid settings PREFECT_*, found a wrong {name}: {first['msg']}; correct it."


def log_unexpected(error: Exception) -> InternalError:
    """Append the traceback of an error to the log file of the home; return the error that a person is shown.

    The log is private, and bounded in size. Where it cannot be written, the sentence names the option that
    prints the traceback.
    """
    try:
        path = append_to_log(load_settings().home.absolute(), format_traceback(error))
        advice = f"its traceback is in {path}"
    except (BandcastError, OSError):
        advice = "run the command with `bandcast --debug` for its traceback"
    unexpected = InternalError(describe_masked(error), advice)
    unexpected.__cause__ = error
    return unexpected


def describe_masked(error: BaseException) -> str:
    """Describe an error by its type and text, cleaned and without secrets."""
    return clean_text(hide_secrets(f"{type(error).__name__}: {error}".rstrip(": ")), 500)


def format_traceback(error: BaseException) -> str:
    """Format an error with its causes, line by line, without secrets."""
    lines = hide_secrets("".join(traceback.format_exception(error))).splitlines()
    return shorten("\n".join(map(keep_visible, lines)), LONGEST_TRACEBACK) + "\n"


def hide_secrets(text: str) -> str:
    """Mask credentials in the shape of a URL or an option, and every secret of the environment."""
    try:
        environment = read_environment()
    except UsageError:
        environment = dict(os.environ)
    return mask_secrets(mask_credentials(text), list_secrets(environment))


def list_secrets(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets that variables hold: passwords, auth strings, keys, and those inside URLs."""
    from db import find_secrets  # SQLAlchemy takes a while to import

    for name, value in environment.items():
        if name == NOTIFY_NAME:
            yield from list_notify_secrets(value)
        elif name in URL_NAMES:
            yield from find_secrets(value)
        elif name.endswith(SECRET_NAMES):
            yield value
            yield value.partition(":")[2]  # an auth string is user and password


def list_notify_secrets(url: str) -> Iterator[str]:
    """Yield the secrets of an Apprise URL: all of it, user and password, and long parts with a digit.

    >>> list(list_notify_secrets("json://me:pw@example.com/t0ken-of-mine/alarms"))[1:]
    ['me:pw', 'pw', 't0ken-of-mine']
    """
    yield url
    rest = url.partition("://")[2]
    user_info = rest.rpartition("@")[0]
    yield from filter(None, (user_info, user_info.partition(":")[2]))
    for part in re.split("[/?&=@:#,]+", rest.removeprefix(user_info)):
        if len(part) >= SHORTEST_TOKEN and re.search(r"\d", part) and not _HOST.fullmatch(part):
            yield part


def append_to_log(home: Path, text: str) -> Path:
    """Append a text to the log file of a home, with the time; return its path.

    Raises:
        OSError: The file cannot be written.
    """
    path = home / LOG_FILE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8", errors="replace") as file:
        file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n{text}")
    return path
