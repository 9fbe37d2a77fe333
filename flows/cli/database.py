"""`bandcast db`: the database."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.output import print_line

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.command()
def upgrade() -> None:
    """Bring the database to the schema of this release."""
    from db import upgrade_store
    from flows.settings import load_settings

    print_line(f"The database is at migration {upgrade_store(load_settings().url)}.")


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="File to make; it must not exist.")]) -> None:
    """Copy a SQLite store while runs go on; of PostgreSQL, print the command that does it."""
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
def grant_reader(role: Annotated[str, typer.Argument(help="Role of the PostgreSQL server.")]) -> None:
    """Let a role of PostgreSQL read every table and view, now and after later upgrades."""
    from db import grant_reader as grant
    from flows.settings import load_settings

    grant(load_settings().url, role)
    print_line(f"The role {role} can read the store.")
