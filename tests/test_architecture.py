"""The size budget of the code, and what importing it may cost. Layers are import-linter's to hold."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("forecasting", "db", "flows")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TABLES_OF_DATA = {"_create_forecasts"}  # a migration's table, one line a column

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(paths: list[Path]) -> Iterator[tuple[Path, Function]]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function):
                yield path, node


def length(node: Function) -> int:
    """Lines without the docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    return lines


def body_length(node: Function) -> int:
    """Lines of the body alone: the parameters of a flow are the fields of its form, one a line."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def arguments(node: Function) -> int:
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in named)


def is_entry(path: Path, node: Function) -> bool:
    """A flow or a command: its arguments are a form's fields or a command's options."""
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    return path.parent.name == "cli" or any(one.startswith("flow(") for one in decorators)


def is_step(node: Function) -> bool:
    return any(ast.unparse(one).startswith(("flow(", "task(")) for one in node.decorator_list)


def percentile(values: list[int], level: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[level - 1]


def test_files_are_small() -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in SOURCES}
    assert statistics.median(sizes.values()) <= 100
    assert percentile(list(sizes.values()), 90) <= 220
    assert {path.name: size for path, size in sizes.items() if size > 300} == {}


def test_functions_are_small() -> None:
    sizes = {f"{path.name}:{node.name}": length(node) for path, node in functions(SOURCES)}
    assert statistics.median(sizes.values()) <= 8
    assert percentile(list(sizes.values()), 90) <= 25
    too_long = {name: size for name, size in sizes.items() if size > 45}
    assert {name for name in too_long if name.split(":")[1] not in TABLES_OF_DATA} == set()


def test_tasks_and_flows_are_shells() -> None:
    sizes = [body_length(node) for _, node in functions(SOURCES) if is_step(node)]
    assert len(sizes) >= 8
    assert statistics.median(sizes) <= 7
    assert max(sizes) <= 20


def test_arguments_are_few() -> None:
    counts = {f"{p.name}:{n.name}": arguments(n) for p, n in functions(SOURCES) if not is_entry(p, n)}
    assert percentile(list(counts.values()), 90) <= 4
    assert {name: count for name, count in counts.items() if count > 6} == {}


def test_there_are_about_as_many_test_lines_as_source_lines() -> None:
    tests = sum(len(path.read_text().splitlines()) for path in (ROOT / "tests").rglob("*.py"))
    source = sum(len(path.read_text().splitlines()) for path in SOURCES)
    assert 0.8 <= tests / source <= 1.5


def test_no_test_folder_is_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize(
    "word", [r"datetime\.now", r"date\.today", r"Timestamp\.now", r"os\.environ", r"\bopen\(", r"\bprint\("]
)
def test_the_core_touches_no_world(word: str) -> None:
    guilty = [path.name for path in (ROOT / "forecasting").rglob("*.py") if re.search(word, path.read_text())]
    assert guilty == []


def test_importing_every_module_does_no_work(tmp_path: Path) -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in SOURCES
        if path.name != "__init__.py" and "migrations" not in path.parts
    ]
    code = f"import importlib\nfor name in {modules}: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
