"""Environment variables of bandcast: those of the process, and those of the file `.env`."""

import os
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from forecasting.errors import UsageError

PREFIX = "BANDCAST_"
DOTENV = ".env"  # in the working directory
DOTENV_ENCODING = "utf-8-sig"  # some editors put a mark at the beginning, which would hide the first name


def read_dotenv() -> dict[str, str]:
    """Read the variables of bandcast in the `.env` of the working directory; none where there is no file.

    Raises:
        UsageError: The file cannot be read, or has a line that is none of its kind.
    """
    path = Path(DOTENV)
    try:
        _require_parsable(path)
        values = dotenv_values(path, encoding=DOTENV_ENCODING)
    except UnicodeError:  # whose text repeats a part of the file
        raise UsageError(
            f"Expected UTF-8 text in {path.absolute()}, found another encoding; save the file as UTF-8."
        ) from None
    except OSError as error:
        raise UsageError(
            f"Expected to read {path.absolute()}, found {error.strerror}; correct or move it."
        ) from error
    return {
        name.upper(): value
        for name, value in values.items()
        if name.upper().startswith(PREFIX) and value is not None
    }


def _require_parsable(path: Path) -> None:
    """Refuse a file of which the library would leave out lines with no more than a warning, or none."""
    if not (path.is_file() or path.is_dir()):  # the latter cannot be read; the library passes over it
        return
    with path.open(encoding=DOTENV_ENCODING) as file:
        for binding in parse_stream(file):
            if binding.error:
                raise UsageError(
                    f"Expected NAME=value in line {binding.original.line} of {path.absolute()}, found "
                    "something else, such as a quote that is not closed; correct it."
                )
            if binding.value is None and (binding.key or "").upper().startswith(PREFIX):
                raise UsageError(
                    f"Expected a value of {binding.key} in line {binding.original.line} of "
                    f"{path.absolute()}, found no equals sign; write {binding.key}=VALUE."
                )


def read_environment() -> dict[str, str]:
    """Read the variables that settings are read from: those of the process go before those of `.env`.

    Raises:
        UsageError: The file cannot be read.
    """
    return {**read_dotenv(), **os.environ}
