"""The words of the code: plain imperative docstrings, and locals named for what they hold."""

import ast
from collections.abc import Iterator

from source_tree import walk_sources

RIDDLES = {
    "told",
    "asked",
    "place",
    "mine",
    "own",
    "one",
}  # say `message`, `index`, `own_errors`, `ticker`, ...
QUESTIONS = ("What ", "Whether ")  # say "Compare ...", "Return whether ..."

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def list_bound_names(node: ast.AST) -> Iterator[str]:
    """Names that a node binds: assignments, loops, comprehensions, `with`, `except`, parameters."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name


def test_no_docstring_opens_with_a_question() -> None:
    offenders = []
    for name, node in walk_sources():
        docstring = (ast.get_docstring(node) or "") if isinstance(node, Documented) else ""
        if docstring.startswith(QUESTIONS):
            offenders.append(f"{name}:{getattr(node, 'lineno', 1)} {docstring.splitlines()[0]}")
    assert not offenders, "\n".join(offenders)


def test_no_local_is_a_riddle() -> None:
    offenders = [
        f"{name}:{getattr(node, 'lineno', 1)} {bound}"
        for name, node in walk_sources()
        for bound in list_bound_names(node)
        if bound in RIDDLES
    ]
    assert not offenders, "\n".join(offenders)
