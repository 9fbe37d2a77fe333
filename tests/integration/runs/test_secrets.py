"""No secret in words: a password in a URL, good or wrong, is in no stream, log, state, artifact or table."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from command_line import run_main
from flow_runs import complete
from prefect import get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from reading_store import dump
from served import AUTH_STRING, runs

from db.engine import display_url
from flows.ingest import ingest
from flows.settings import load_settings

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

SECRET = "s3cret"
SILENT_URLS = (  # of a server that does not answer
    f"postgresql://me:{SECRET}@127.0.0.1:1/d",
    f"postgresql://me@127.0.0.1:1/d?password={SECRET}",
    f"postgresql://me@127.0.0.1:1/d?sslpassword={SECRET}&passfile={SECRET}",
)
BAD_URLS = (  # of no database
    f"postgresql:me:{SECRET}@host/d",
    f"me:{SECRET}@host/d",
    f"postgresql://me:at@slash/{SECRET}@127.0.0.1:1/d",
    f"postgresql://me:{SECRET}@127.0.0.1:port/d",
    f"mysql://me:{SECRET}@host/d?password={SECRET}",
    SECRET,
)
WRONG_VARIABLES = {
    "BANDCAST_SOURCE": f"postgresql://me:{SECRET}@host/d",
    "BANDCAST_HISTORY_DAYS": f"postgresql:me:{SECRET}@host/d",
    "BANDCAST_MODEL": f"me:{SECRET}@host",
    "BANDCAST_GATE": json.dumps({"every": f"me:{SECRET}@host"}),
}


def read_words(workplace: Path) -> str:
    """Everything that Prefect and the home hold: states, artifacts, log files."""
    with get_client(sync_client=True) as client:
        states = [run.state.model_dump_json() for run in runs() if run.state]
        artifacts = [artifact.model_dump_json() for artifact in client.read_artifacts()]
    files = [path.read_text() for path in (workplace / "home").rglob("*.log*")]
    return "\n".join([*states, *artifacts, *files])


@pytest.mark.parametrize(
    ("url", "code"), [*((url, 1) for url in SILENT_URLS), *((url, 2) for url in BAD_URLS)]
)
def test_a_url_that_cannot_be_used_shows_no_secret(
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    run_log: list[str],
    url: str,
    code: int,
) -> None:
    monkeypatch.setenv("BANDCAST_DATABASE_URL", url)
    assert run_main(monkeypatch, "db", "upgrade") == code
    assert run_main(monkeypatch, "--debug", "models", "--json") == code
    assert run_main(monkeypatch, "doctor", "--json") == 1
    assert run_main(monkeypatch, "ingest", "--tickers", "IBM", "--json") == code
    written = "\n".join([*capfd.readouterr(), *run_log, read_words(workplace)])
    assert "Failed(" in written
    assert "Traceback" in written  # of --debug
    assert SECRET not in written
    assert AUTH_STRING not in written


def test_a_url_with_secrets_that_works_shows_none_of_them(
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    run_log: list[str],
    migrated_postgres_url: str,
) -> None:
    url = sa.make_url(migrated_postgres_url).set(password=SECRET).update_query_dict({"sslpassword": SECRET})
    monkeypatch.setenv("BANDCAST_DATABASE_URL", url.render_as_string(hide_password=False))
    complete(ingest, tickers=["IBM"])
    run_main(monkeypatch, "ingest", "--tickers", "IBM,NOPE", "--json")
    for command in (["doctor"], ["doctor", "--json"], ["prices", "status"], ["prices", "show", "IBM"]):
        run_main(monkeypatch, *command)
    written = "\n".join([*capfd.readouterr(), *run_log, read_words(workplace), str(dump())])
    assert "IBM" in written
    assert f"database: {display_url(sa.make_url(load_settings().url)).split(':')[0]}" in written
    assert SECRET not in written


@pytest.mark.parametrize("name", WRONG_VARIABLES)
def test_a_password_in_the_wrong_variable_is_not_repeated(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv(name, WRONG_VARIABLES[name])
    for command in (["db", "upgrade"], ["--debug", "models"], ["ingest", "--json"]):
        assert run_main(monkeypatch, *command) == 2
    written = "\n".join([*capfd.readouterr(), read_words(workplace)])
    assert name.removesuffix("_MODEL") in written
    assert SECRET not in written


def test_a_prefect_server_whose_url_and_auth_string_are_secret_is_shown_without_them(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"http://me:{SECRET}@127.0.0.1:1/api?token={SECRET}"
    monkeypatch.setenv("PREFECT_API_URL", url)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", f"me:{SECRET}")
    access = {PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: f"me:{SECRET}"}
    with temporary_settings(access):
        for command in (["doctor"], ["doctor", "--json"], ["deploy"], ["ingest", "--tickers", "IBM"]):
            assert run_main(monkeypatch, *command) == 1
    written = "\n".join(capfd.readouterr())
    assert "http://127.0.0.1:1/api" in written
    assert SECRET not in written
