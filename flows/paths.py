"""Paths as people write them in settings and options: with `~`, and relative to the working directory."""

from pathlib import Path
from urllib.parse import quote, unquote

from forecasting.errors import UsageError


def expand_path(path: Path) -> Path:
    """Return a path with a leading `~` replaced by the folder of its user.

    Raises:
        UsageError: There is no such user, or the path is of blanks alone.
    """
    if str(path).isspace():
        raise UsageError("Expected a path, found blanks alone or nothing; name a file or a folder.")
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageError(
            f"Expected a path whose ~ stands for the folder of a user, found {path}; write the folder out."
        ) from None


def parse_path(text: str | Path) -> Path:
    """Parse an option or argument as a path; an empty one does not stand for the working directory.

    Raises:
        UsageError: It is empty, or as of `expand_path`.
    """
    return expand_path(Path(text or " "))


def describe_fault(folder: Path) -> str:
    """Describe why the files of a folder cannot be listed; the empty text where they can."""
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def build_sqlite_url(path: Path) -> str:
    """Build the URL of a SQLite file; a question mark, which would begin a query, needs SQLite's own form.

    >>> build_sqlite_url(Path("/srv/bands.db")), build_sqlite_url(Path("/a?b"))
    ('sqlite:////srv/bands.db', 'sqlite:///file:/a%3Fb?uri=true')
    """
    return f"sqlite:///file:{quote(str(path))}?uri=true" if "?" in str(path) else f"sqlite:///{path}"


def make_url_absolute(url: str) -> str:
    """Return a URL with the absolute path of its SQLite file, for processes elsewhere; any other as given.

    >>> make_url_absolute("sqlite:////srv/bands.db?timeout=5"), make_url_absolute("postgresql://host/bands")
    ('sqlite:////srv/bands.db?timeout=5', 'postgresql://host/bands')

    Raises:
        UsageError: The path begins with the `~` of a user who does not exist.
    """
    driver, _, rest = url.partition(":///")
    name, _, query = rest.partition("?")
    path = name.removeprefix("file:")
    if driver.partition("+")[0] != "sqlite" or path in ("", ":memory:") or "mode=memory" in query:
        return url
    if path == name:
        built = build_sqlite_url(expand_path(Path(path)).absolute())
    else:
        built = f"sqlite:///file:{quote(str(expand_path(Path(unquote(path))).absolute()))}"
    built = built.replace("sqlite", driver, 1)
    return f"{built}{'&' if '?' in built else '?'}{query}" if query else built
