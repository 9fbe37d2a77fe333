"""The documents beside the README: every link leads somewhere, every command and verb they name exists."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from source_tree import ROOT
from typer.main import get_command

from db import Description, describe_tables, describe_views
from flows.cli import app
from flows.presentation.exchanges import build_exchanges_sheet
from flows.presentation.tables import Column, Sheet, to_markdown

DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("[!.]*/README.md")),
]
IN_CODE = re.compile(r"```(?:bash|sh|text)\n(.*?)```|`([^`\n]+)`", re.DOTALL)
LONGEST_LINE = 110


def list_code(document: Path) -> list[str]:
    """Lines of code blocks and code spans, without comments."""
    found = [block or span for block, span in IN_CODE.findall(document.read_text())]
    return [line.split("#")[0].strip() for code in found for line in code.splitlines()]


def test_there_are_documents() -> None:
    names = {path.name for path in DOCUMENTS}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "architecture.md"} <= names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file(document: Path) -> None:
    targets = [link for link in re.findall(r"\]\(([^)#\s]+)", document.read_text()) if "://" not in link]
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_and_make_verb_exists(document: Path) -> None:
    commands = set(getattr(get_command(app), "commands", {}))
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = list_code(document)
    named = {match[1] for line in lines if (match := re.match(r"bandcast ([a-z]+)", line))}
    called = {match[1] for line in lines if (match := re.match(r"make ([a-z-]+)", line))}
    assert named - commands == set()
    assert called - verbs == set()


@pytest.mark.parametrize(
    "name",
    [
        "CONTRIBUTING",
        "CHANGELOG",
        "SECURITY",
        *(f"docs/{page}" for page in ("operations", "decisions", "prices", "settings", "backtest", "method")),
    ],
)
def test_prose_is_wrapped(name: str) -> None:
    lines = (ROOT / f"{name}.md").read_text().splitlines()
    assert [line for line in lines if len(line) > LONGEST_LINE and not line.startswith("|")] == []


def test_the_list_of_exchanges_is_that_of_the_code() -> None:
    assert to_markdown(build_exchanges_sheet()) in (ROOT / "docs" / "exchanges.md").read_text()


def format_description(description: Description) -> str:
    """A view or table with its columns, as the page has it."""
    columns = (Column("column", "column"), Column("meaning", "meaning"))
    table = to_markdown(Sheet(description.name, columns, tuple(description.columns.items())))
    return f"### {description.name}\n\n{description.meaning}.\n\n{table}"


@pytest.mark.parametrize("describe", [describe_views, describe_tables])
def test_views_and_tables_are_described_as_in_the_database(
    describe: Callable[[], tuple[Description, ...]],
) -> None:
    contract = "\n\n".join(map(format_description, describe()))
    assert contract in (ROOT / "docs" / "consuming.md").read_text()
