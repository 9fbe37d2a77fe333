"""Whether bandcast can do its work here."""

import typer

from flows.commands.options import Json

app = typer.Typer()


@app.command()
def doctor(json: Json = False) -> None:
    """Look for what is broken or will break; one line each. Exit code 1 where something fails."""
    from flows.doctor import examine, findings_json
    from flows.settings import load_settings

    findings = []
    for finding in examine(load_settings()):
        findings.append(finding)
        if not json:
            typer.echo(finding.line())
    if json:
        typer.echo(findings_json(findings))
    if any(finding.verdict == "fail" for finding in findings):
        raise typer.Exit(1)
