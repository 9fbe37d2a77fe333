"""The program as a shell calls it, in this process."""

import sys

import pytest

from flows.cli import main


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run a command; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["bandcast", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert isinstance(end.value.code, int)
    return end.value.code
