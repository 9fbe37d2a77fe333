"""Output of commands: tables for people, JSON for programs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from flows.reporting.tables import Part


def print_result(parts: "Iterable[Part]", plain: Any, *, json: bool) -> None:
    """Print tables and lines or, with `json`, plain values as JSON."""
    from flows.reporting.tables import print_parts, to_json

    typer.echo(to_json(plain)) if json else print_parts(parts)
