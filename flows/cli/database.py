"""`bandcast db`: the database."""

import typer

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.command()
def upgrade() -> None:
    """Bring the database to the schema of this release."""
    from db.engine import open_engine
    from db.migrate import head
    from db.migrate import upgrade as migrate
    from flows.settings import load_settings

    migrate(open_engine(load_settings().url))
    typer.echo(f"The database is at migration {head()}.")
