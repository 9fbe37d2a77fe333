"""The core touches no world, and importing a module does no work. import-linter holds the layers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from source_tree import ROOT, SOURCES


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
