"""The size budget of the code: files, functions and signatures. import-linter holds the layers."""

import ast
import statistics

from source_tree import ROOT, SOURCES, Function, is_entry, is_step, walk_functions

MOST_ARGUMENTS = 8
MOST_POSITIONAL = 3


def count_lines(node: Function) -> int:
    """Lines without the docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    return lines


def count_body_lines(node: Function) -> int:
    """Lines of the body alone: the parameters of a flow are the fields of its form, one a line."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def list_positional(node: Function) -> list[ast.arg]:
    """Parameters that a caller may pass by position, without self."""
    return [a for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in ("self", "cls")]


def has_imposed_signature(node: Function) -> bool:
    """A flow, a command, or a method that Python calls; a constructor is our own design."""
    is_dunder = node.name.startswith("__") and node.name.endswith("__")
    return is_entry(node) or (is_dunder and node.name != "__init__")


def is_mixed_tuple(annotation: ast.expr | None) -> bool:
    """Return whether the annotation, or a member of its union, is a tuple of different types."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return is_mixed_tuple(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.BinOp):
        return is_mixed_tuple(annotation.left) or is_mixed_tuple(annotation.right)
    if not isinstance(annotation, ast.Subscript) or not isinstance(annotation.slice, ast.Tuple):
        return False
    members = {ast.unparse(member) for member in annotation.slice.elts} - {"..."}
    return ast.unparse(annotation.value) == "tuple" and len(members) > 1


def compute_percentile(values: list[int], level: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[level - 1]


def test_files_are_small() -> None:
    sizes = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in SOURCES}
    assert statistics.median(sizes.values()) <= 150
    assert compute_percentile(list(sizes.values()), 90) <= 250
    assert {name: size for name, size in sizes.items() if size > 350} == {}


def test_functions_are_small() -> None:
    sizes = {name: count_lines(node) for name, node in walk_functions()}
    assert statistics.median(sizes.values()) <= 8
    assert compute_percentile(list(sizes.values()), 90) <= 25
    assert {name: size for name, size in sizes.items() if size > 45} == {}


def test_tasks_and_flows_are_shells() -> None:
    sizes = {name: count_body_lines(node) for name, node in walk_functions() if is_step(node)}
    assert len(sizes) >= 8
    assert {name: size for name, size in sizes.items() if size > 20} == {}
    assert statistics.median(sizes.values()) <= 5, sizes


def test_arguments_are_few() -> None:
    counts = {
        name: len(list_positional(node)) + len(node.args.kwonlyargs)
        for name, node in walk_functions()
        if not has_imposed_signature(node)
    }
    assert {name: count for name, count in counts.items() if count > MOST_ARGUMENTS} == {}


def test_arguments_past_the_third_are_keyword_only() -> None:
    offenders = [
        f"{name}({', '.join(argument.arg for argument in list_positional(node))})"
        for name, node in walk_functions()
        if not has_imposed_signature(node) and len(list_positional(node)) > MOST_POSITIONAL
    ]
    assert not offenders, "\n".join(offenders)


def test_no_parameter_is_a_tuple_of_unrelated_values() -> None:
    offenders = [
        f"{name}({argument.arg}: {ast.unparse(argument.annotation)})"
        for name, node in walk_functions()
        for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        if argument.annotation is not None and is_mixed_tuple(argument.annotation)
    ]
    assert not offenders, "\n".join(offenders)


def test_there_are_about_as_many_test_lines_as_source_lines() -> None:
    tests = sum(len(path.read_text().splitlines()) for path in (ROOT / "tests").rglob("*.py"))
    source = sum(len(path.read_text().splitlines()) for path in SOURCES)
    assert 0.8 <= tests / source <= 1.5


def test_no_test_folder_is_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []
