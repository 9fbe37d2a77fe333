"""The product's source files and the functions in them, as syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("forecasting", "db", "flows")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]

COMMANDS = {path.stem for path in (ROOT / "flows" / "cli").glob("*.py")}  # file = command

Function = ast.FunctionDef | ast.AsyncFunctionDef


def walk_sources() -> Iterator[tuple[str, ast.AST]]:
    """Yield every node of every source file, with the file's path below the root.

    Released migrations are history, and their words with them.
    """
    for path in SOURCES:
        if "migrations" in path.parts:
            continue
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            yield name, node


def walk_functions() -> Iterator[tuple[str, Function]]:
    """Yield every function and method, with `file:line name`."""
    for name, node in walk_sources():
        if isinstance(node, Function):
            yield f"{name}:{node.lineno} {node.name}", node


def list_decorators(node: Function) -> list[str]:
    return [ast.unparse(decorator) for decorator in node.decorator_list]


def is_step(node: Function) -> bool:
    """Return whether Prefect runs the function as a flow or a task."""
    steps = ("define_flow(", "define_task(", "flow(")
    return any(decorator.startswith(steps) for decorator in list_decorators(node))


def is_entry(node: Function) -> bool:
    """Return whether the parameters are the fields of a form or the options of a command."""
    entries = ("define_flow(", "app.command", "app.callback")
    return node.name in COMMANDS or any(decorator.startswith(entries) for decorator in list_decorators(node))
