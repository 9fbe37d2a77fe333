"""Runs of flows in processes of their own, some of them killed at a chosen point; a script.

It reads steps from standard input, a JSON list of lists: the runs of one step go side by side, the steps
follow each other. A run is {"flow": ..., "url": ..., "parameters": {...}, "kill": [target, when, nth]}, where
target is "module:name" or "module:Class.name", and the process ends by SIGKILL before or after its nth call.
The statuses of all processes go to standard output, as JSON lists.

Everything is imported once and then forked: a fresh interpreter for each would spend seconds on imports.
"""

import importlib
import itertools
import json
import os
import signal
import sys
import traceback
from typing import Any

NAMES = ("daily", "retrain", "backfill")
FLOWS = {name: getattr(importlib.import_module(f"flows.{name}"), name) for name in NAMES}
for slow in (
    "forecasting.model.training",
    "forecasting.promotion.evaluate",
    "flows.presentation.charts",
    "exchange_calendars",
):
    importlib.import_module(slow)


def arm(target: str, when: str, nth: int) -> None:
    """Replace a function by one that kills its process."""
    module, _, path = target.partition(":")
    holder: Any = importlib.import_module(module)
    *owners, name = path.split(".")
    for owner in owners:
        holder = getattr(holder, owner)
    original, calls = getattr(holder, name), itertools.count(1)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        due = next(calls) == nth
        if due and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(holder, name, deadly)


def start(run: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.environ["BANDCAST_DATABASE_URL"] = run["url"]
        if run.get("kill"):
            arm(*run["kill"])
        state = FLOWS[run["flow"]](**run.get("parameters", {}), return_state=True)
        code = 0 if state.is_completed() else 2
        if code:
            sys.stderr.write(f"{state.message}\n")
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    statuses: list[list[int]] = []
    for step in json.load(sys.stdin):
        children = [start(run) for run in step]
        statuses.append([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
    sys.stdout.write(json.dumps(statuses))


if __name__ == "__main__":
    main()
