"""Output of commands: tables for people, JSON for programs, or one sentence where nobody can read it."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from forecasting.errors import FileError

if TYPE_CHECKING:
    from flows.presentation.tables import Part, Sheet

STANDARD_OUTPUT = "standard output"


def print_result(parts: "Iterable[Part]", plain: Any, *, json: bool) -> None:
    """Print tables and lines or, with `json`, plain values as JSON.

    Raises:
        FileError: Standard output cannot be written.
    """
    from flows.presentation.tables import print_parts, to_json

    if json:
        print_line(to_json(plain))
        return
    ready = list(parts)  # a fault of reading them is not one of the output
    with _writing():
        print_parts(ready)


def print_sheet(sheet: "Sheet", *, json: bool, digits: int | None = None) -> None:
    """Print a table or, with `json`, its rows as JSON, whose `digits` are as of `to_records`.

    Raises:
        FileError: Standard output cannot be written.
    """
    from flows.presentation.tables import to_records

    print_result([sheet], to_records(sheet, digits) if json else None, json=json)


def print_line(line: object) -> None:
    """Print a line on standard output.

    Raises:
        FileError: Standard output cannot be written.
    """
    with _writing():
        typer.echo(line)


def require_output() -> None:
    """Check that standard output is open; let nothing else take its number or that of standard error.

    What cannot be encoded is written by its number from here on.

    Raises:
        FileError: It is closed.
    """
    closed = sys.stdout is None
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:  # input, output, error
        pass
    os.close(handle)
    if closed:
        raise FileError(STANDARD_OUTPUT, "it is closed")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # the reader has closed the pipe: nobody is left to read a sentence
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the rest of the buffer must not fail again at the end
        raise FileError(STANDARD_OUTPUT, error.strerror or str(error)) from error
