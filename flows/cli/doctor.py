"""`bandcast doctor`."""

from dataclasses import asdict

import typer

from flows.cli.options import Json
from flows.cli.output import print_line


def doctor(json: Json = False) -> None:
    """Look for what is broken or will break; one line each. Exit code 1 where something fails."""
    from flows.doctor import examine
    from flows.reporting.tables import to_json
    from flows.settings import load_settings

    findings = []
    for finding in examine(load_settings()):
        findings.append(finding)
        if not json:
            print_line(finding.line())  # at once: the checks of a server take seconds
    if json:
        print_line(to_json([asdict(finding) for finding in findings]))
    if any(finding.verdict == "fail" for finding in findings):
        raise typer.Exit(1)
