"""Commands run by a user who owns nothing and may write nowhere; a script.

    python unprivileged.py COMMAND [COMMAND ...]

Each command is one argument, such as "show --json". Root becomes `nobody`, because root may write to every
file; it runs the commands itself before, which imports everything: `nobody` may not even read the packages.
The results go to standard output, as a JSON list of [exit code, text].
"""

import json
import os
import pwd
import sys
import traceback
from pathlib import Path

from typer.testing import CliRunner

from flows.cli import app

Outcome = tuple[int, str]


def run_commands() -> list[Outcome]:
    """Run every command; print the traceback of an error."""
    results = [CliRunner().invoke(app, command.split()) for command in sys.argv[1:]]
    for result in results:
        if result.exception and not isinstance(result.exception, SystemExit):
            traceback.print_exception(result.exception)
    return [(result.exit_code, result.stdout) for result in results]


def drop_privileges() -> None:
    """Become `nobody` for good."""
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def main() -> None:
    if os.geteuid() == 0:
        run_commands()
        for made in Path.cwd().iterdir():
            made.unlink()
        drop_privileges()
    sys.stdout.write(json.dumps(run_commands()))


if __name__ == "__main__":
    main()
