"""`bandcast doctor`."""

from dataclasses import asdict
from typing import Annotated

import typer

from flows.cli.options import Json
from flows.cli.output import print_line


def doctor(
    json: Json = False,
    notify: Annotated[
        bool, typer.Option("--notify", help="Send what fails to BANDCAST_NOTIFY_URL, in one message.")
    ] = False,
) -> None:
    """Check settings, store, prices, calendars and server. Print a line each; exit code 1 if one fails."""
    from flows.alarms import try_alarm
    from flows.doctor import examine, list_failures
    from flows.presentation.tables import to_json
    from flows.settings import load_settings

    findings = []
    for finding in examine(load_settings()):
        findings.append(finding)
        if not json:
            print_line(finding.line())  # at once: the checks of a server take seconds
    if json:
        print_line(to_json([asdict(finding) for finding in findings]))
    if failed := list_failures(findings):
        fault = try_alarm("bandcast: the doctor found faults", " | ".join(failed)) if notify else ""
        if fault:
            typer.echo(f"Warning: {fault}", err=True)
        raise typer.Exit(1)
