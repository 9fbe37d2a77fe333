"""The views and tables that other programs read, as docs/consuming.md lists them."""

from collections.abc import Iterable, Iterator

from db import Description
from flows.presentation.tables import Column, Sheet, to_markdown

_COLUMNS = (Column("column", "column"), Column("meaning", "meaning"))


def format_contract(descriptions: Iterable[Description]) -> str:
    """Format views or tables with their columns as Markdown."""
    return "\n\n".join(part for description in descriptions for part in _format_description(description))


def _format_description(description: Description) -> Iterator[str]:
    yield f"### {description.name}"
    yield f"{description.meaning}."
    yield to_markdown(Sheet(description.name, _COLUMNS, tuple(description.columns.items())))
