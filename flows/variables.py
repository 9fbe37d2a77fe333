"""Variables of bandcast: those of the process, and those of the file `.env`."""

import os
from pathlib import Path

from dotenv import dotenv_values

from forecasting.errors import UsageError

PREFIX = "BANDCAST_"
DOTENV = ".env"  # in the working directory
DOTENV_ENCODING = "utf-8-sig"  # some editors put a mark at the beginning, which would hide the first name


def read_dotenv(path: Path = Path(DOTENV)) -> dict[str, str]:
    """Read the variables of bandcast in the `.env` of the working directory; none where there is no file.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        values = dotenv_values(path, encoding=DOTENV_ENCODING)
    except UnicodeError:  # whose text repeats a part of the file
        raise UsageError(
            f"Expected UTF-8 text in {path.absolute()}, found another encoding; save the file as UTF-8."
        ) from None
    except OSError as error:
        raise UsageError(f"Expected to read {path.absolute()}, found {error.strerror}.") from error
    return {
        name.upper(): value
        for name, value in values.items()
        if name.upper().startswith(PREFIX) and value is not None
    }


def read_environment() -> dict[str, str]:
    """Read the variables that settings are read from: those of the process go before those of `.env`.

    Raises:
        UsageError: The file cannot be read.
    """
    return {**read_dotenv(), **os.environ}
