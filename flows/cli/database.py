"""`bandcast db`: the database."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import Json
from flows.cli.output import print_line, print_result
from flows.paths import parse_path

app = typer.Typer(no_args_is_help=True, help="Upgrade, back up or prune the database; grant readers.")


@app.command()
def upgrade() -> None:
    """Bring the database to the schema of this release."""
    from db import upgrade_store
    from flows.settings import load_settings

    print_line(f"The database is at migration {upgrade_store(load_settings().url)}.")


@app.command()
def backup(
    file: Annotated[
        Path,
        typer.Argument(parser=parse_path, help="New file; its folder is made where it is missing."),
    ],
) -> None:
    """Back up a SQLite store while runs go on. For PostgreSQL, print the command to use."""
    from db import back_up_file, build_dump_command
    from flows.settings import load_settings

    url = load_settings().url
    if command := build_dump_command(url, file):
        typer.echo("Run this; it asks for the password, or takes it from PGPASSWORD:", err=True)
        print_line(command)
    else:
        back_up_file(url, file)
        print_line(file)


@app.command()
def prune(
    keep: Annotated[
        int | None,
        typer.Option(min=0, help="Calendar days to keep. [default: BANDCAST_KEEP_COMPARISONS_DAYS]"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    json: Json = False,
) -> None:
    """Delete what is no longer needed. This is quantiles of comparison bands, revisions and old models."""
    from db import open_existing, open_reader
    from flows.presentation.summaries import describe_pruned
    from flows.settings import load_settings

    settings = load_settings(keep_comparisons_days=keep)
    open_it = open_reader if dry_run else open_existing
    with open_it(settings.url, settings.source) as store:
        days = timedelta(days=settings.keep_comparisons_days)
        pruned = store.prune(datetime.now(UTC), days, dry_run=dry_run)
    plain = {**asdict(pruned), "pruned": not dry_run}
    print_result([describe_pruned(pruned, settings.keep_comparisons_days, dry_run=dry_run)], plain, json=json)


@app.command()
def grant_reader(role: Annotated[str, typer.Argument(help="Name of the role.")]) -> None:
    """Let a PostgreSQL role read every table and view. Those of later releases are included."""
    from db import grant_reader as grant
    from flows.settings import load_settings

    grant(load_settings().url, role)
    print_line(f"The role {role} can read the store.")
