"""Freed memory goes back to the system."""

import os
import platform
from pathlib import Path

import numpy as np
import pytest

from forecasting.model.memory import return_freed_memory

BLOCK, COUNT = 100_000, 1000  # bytes: below what glibc maps by itself


def measure_resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked for it")
def test_blocks_that_are_freed_between_others_go_back_to_the_system() -> None:
    blocks = [np.ones(BLOCK, np.uint8) for _ in range(COUNT)]
    kept = blocks[::10]
    before = measure_resident()
    del blocks
    return_freed_memory()
    assert before - measure_resident() > 0.7 * BLOCK * COUNT
    assert all(block.all() for block in kept)
