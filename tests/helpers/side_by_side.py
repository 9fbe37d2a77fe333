"""Python processes that begin the same work at the same time."""

import subprocess
import sys
from contextlib import ExitStack
from typing import NamedTuple


class End(NamedTuple):
    """What a process left: its exit code, standard output and standard error."""

    code: int
    output: str
    errors: str


def run_side_by_side(number: int, script: str, *arguments: str) -> list[End]:
    """Run a script in so many processes; each prints `ready`, and goes on once its standard input closes."""
    command, pipe = [sys.executable, "-c", script, *arguments], subprocess.PIPE
    with ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe))
            for _ in range(number)
        ]
        assert [each.stdout.readline() for each in processes if each.stdout] == ["ready\n"] * number
        for each in processes:
            assert each.stdin
            each.stdin.close()
        texts = [
            (each.stdout.read(), each.stderr.read()) for each in processes if each.stdout and each.stderr
        ]
    return [End(each.returncode, *text) for each, text in zip(processes, texts, strict=True)]
