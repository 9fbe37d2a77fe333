"""Access to the Prefect server: where that of a home is, and the auth string that its API asks for."""

import os
import secrets
from base64 import b64encode
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from http.client import InvalidURL
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from flows.files import try_lock
from flows.settings import load_settings
from forecasting.errors import SourceError, UsageError

AUTH_FILE = "prefect-auth"  # in the home
LOCK_FILE = "prefect-pid"  # in the home, locked by the process of `bandcast serve` whose number it holds
URL_FILE = "prefect-url"  # in the home, as long as `bandcast serve` runs a server for it
AUTH_VARIABLE = "PREFECT_API_AUTH_STRING"  # read by Prefect's clients: worker, command line, flow runs
SERVER_AUTH_VARIABLE = "PREFECT_SERVER_API_AUTH_STRING"
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
UNAUTHORIZED = 401


def make_auth_string(home: Path) -> tuple[str, bool]:
    """Return the auth string of the home, and whether it is new; a new one is random and private (0600).

    Raises:
        UsageError: The file cannot be read or written, or is empty.
    """
    if (found := read_auth_string(home)) is not None:
        return found, False
    made = f"bandcast:{secrets.token_urlsafe(32)}"
    home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(home / AUTH_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"Expected to write {home / AUTH_FILE}, found {error.strerror}.") from error
    with os.fdopen(handle, "w") as file:
        file.write(made + "\n")
    return made, True


def read_auth_string(home: Path) -> str | None:
    """Return the auth string of the home; None where no server was served from it.

    Raises:
        UsageError: The file cannot be read, or is empty.
    """
    path = home / AUTH_FILE
    try:
        found = path.read_text().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"Expected to read {path}, found {error.strerror}.") from error
    if not found:
        raise UsageError(f"Expected an auth string in {path}, found an empty file; delete it for a new one.")
    return found


@contextmanager
def noted_server(home: Path, api_url: str) -> Iterator[None]:
    """Note in the home, while the block lasts, which server serves it; the note of a later one stays."""
    path = home / URL_FILE
    home.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{api_url}\n")
    try:
        yield
    finally:
        if read_server_url(home) == api_url:
            path.unlink(missing_ok=True)


@contextmanager
def sole_server(home: Path) -> Iterator[None]:
    """Keep a second `bandcast serve` of a home from starting a server, while the block lasts.

    Raises:
        UsageError: Another process serves the home, or the file cannot be locked.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK_FILE).open("a+") as file:
        _lock(file, home)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        (home / URL_FILE).unlink(missing_ok=True)  # of a server that was killed
        yield


def _lock(file: IO[str], home: Path) -> None:
    try:
        is_alone = try_lock(file.fileno())
    except OSError as error:
        raise UsageError(f"Expected to lock {home / LOCK_FILE}, found {error.strerror}.") from error
    if not is_alone:
        file.seek(0)
        url = read_server_url(home)
        where = f"at {display_server(url.removesuffix('/api'))}" if url else "that is starting"
        raise UsageError(
            f"Expected no other `bandcast serve` of {home}, found one {where} "
            f"(process {file.read().strip()}); use that one, or stop it first."
        )


def read_server_url(home: Path) -> str | None:
    """Return the URL of the API of the server that serves a home; None where none was noted."""
    try:
        return (home / URL_FILE).read_text().strip() or None
    except OSError:
        return None


def supply_auth_string(environment: MutableMapping[str, str]) -> None:
    """Set the variable that Prefect's clients read, if it is not set and the server is on this machine.

    Raises:
        UsageError: The file of the home cannot be read, or is empty; PREFECT_API_URL is no URL.
    """
    try:
        server = urlsplit(environment.get("PREFECT_API_URL", "")).hostname
    except ValueError:  # Prefect would end with it while it is imported
        raise UsageError(
            "Expected a URL in PREFECT_API_URL, found none that can be read; correct it."
        ) from None
    if AUTH_VARIABLE in environment or server not in THIS_MACHINE:
        return
    if (found := read_auth_string(load_settings().home)) is not None:
        environment[AUTH_VARIABLE] = found


def display_server(url: str) -> str:
    """Return scheme, host, port and path of a server's URL: a user or a query may be a secret."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # no port, or no host
        host = ""
    if not host:
        return "the URL of PREFECT_API_URL"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"


def require_access(api_url: str, auth_string: str | None) -> None:
    """Check that the server's API accepts the auth string.

    Raises:
        SourceError: It does not, or does not answer.
    """
    shown = display_server(api_url)
    if not api_url.startswith(("http://", "https://")):
        raise SourceError(
            f"Expected a Prefect server at http:// or https://, found {shown}; "
            "correct or unset PREFECT_API_URL."
        )
    request = Request(f"{api_url}/admin/version")  # noqa: S310  # HTTP, as checked above
    if auth_string:
        encoded = b64encode(auth_string.encode()).decode()
        request.add_header("Authorization", f"Basic {encoded}")
    try:
        with urlopen(request, timeout=30):  # noqa: S310  # likewise
            return
    except HTTPError as error:
        if error.code != UNAUTHORIZED:
            return  # a refusal for another reason is left to the calls that follow
        found = "another one" if auth_string else "none"
    except InvalidURL as error:  # whose text repeats a part of the URL
        raise SourceError(
            f"Expected a Prefect server at {shown}, found a URL that cannot be used."
        ) from error
    except (URLError, OSError) as error:
        raise SourceError(f"Expected a Prefect server at {shown}, found {error}.") from error
    raise SourceError(
        f"Expected the auth string of the Prefect server at {shown}, found {found}; set {AUTH_VARIABLE}."
    )
