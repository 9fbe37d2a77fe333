"""`bandcast db`: the database."""

import typer

from flows.cli.output import print_line

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.command()
def upgrade() -> None:
    """Bring the database to the schema of this release."""
    from db import upgrade_store
    from flows.settings import load_settings

    print_line(f"The database is at migration {upgrade_store(load_settings().url)}.")
