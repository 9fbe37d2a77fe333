"""A run that hangs: the process ends itself, in a process of its own."""

import subprocess
import sys


def test_a_run_that_hangs_ends_itself() -> None:
    limit = "from flows.prefect_runtime.flow_support import time_limit"
    code = f"import time; {limit}\nwith time_limit(0.001): time.sleep(600)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 75
    assert "BANDCAST_RUN_MINUTES" in done.stderr
