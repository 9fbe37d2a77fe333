"""The views that other programs read, as docs/consuming.md lists them."""

from collections.abc import Iterator

from db import COLUMN_MEANINGS, VIEW_MEANINGS
from flows.reporting.tables import Column, Sheet, to_markdown

_COLUMNS = (Column("column", "column"), Column("meaning", "meaning"))


def format_contract() -> str:
    """Format every view with its columns as Markdown."""
    return "\n\n".join(part for view in VIEW_MEANINGS for part in _format_view(view))


def _format_view(view: str) -> Iterator[str]:
    yield f"### {view}"
    yield f"{VIEW_MEANINGS[view]}."
    yield to_markdown(Sheet(view, _COLUMNS, tuple(COLUMN_MEANINGS[view].items())))
