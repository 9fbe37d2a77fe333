"""The auth string of the Prefect server: where it lies and who is given it."""

import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from flows.server_access import (
    AUTH_FILE,
    AUTH_VARIABLE,
    display_server,
    make_auth_string,
    noted_server,
    read_auth_string,
    read_server_url,
    require_access,
    sole_server,
    supply_auth_string,
)
from forecasting.errors import SourceError, UsageError

HERE = "http://127.0.0.1:4200/api"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BANDCAST_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_string_is_random_private_and_made_once(home: Path) -> None:
    made, new = make_auth_string(home)
    assert new
    assert make_auth_string(home) == (made, False)
    assert make_auth_string(home.parent / "other")[0] != made
    assert stat.S_IMODE((home / AUTH_FILE).stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR
    user, secret = made.split(":")
    assert user == "bandcast"
    assert len(secret) >= 40


def test_an_empty_file_is_refused(home: Path) -> None:
    home.mkdir()
    (home / AUTH_FILE).write_text("\n")
    with pytest.raises(UsageError, match="found an empty file; delete it"):
        make_auth_string(home)


@pytest.mark.parametrize(
    ("environment", "supplied"),
    [
        ({"PREFECT_API_URL": HERE}, True),
        ({"PREFECT_API_URL": "http://localhost:4200/api"}, True),
        ({"PREFECT_API_URL": "https://127.0.0.1.elsewhere.example/api"}, False),
        ({"PREFECT_API_URL": "https://elsewhere.example/api"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_only_a_server_of_this_machine_is_sent_it(
    home: Path, environment: dict[str, str], supplied: bool
) -> None:
    made, _ = make_auth_string(home)
    supply_auth_string(environment)
    assert environment.get(AUTH_VARIABLE) == (made if supplied else None)


def test_a_string_of_the_environment_stays_and_a_home_without_one_supplies_none(home: Path) -> None:
    environment = {"PREFECT_API_URL": HERE}
    supply_auth_string(environment)
    assert AUTH_VARIABLE not in environment
    assert read_auth_string(home) is None
    make_auth_string(home)
    environment[AUTH_VARIABLE] = "mine:too"
    supply_auth_string(environment)
    assert environment[AUTH_VARIABLE] == "mine:too"


def test_a_server_that_does_not_answer_is_one_sentence() -> None:
    with pytest.raises(SourceError, match=r"Expected a Prefect server at http://127\.0\.0\.1:9/api"):
        require_access("http://127.0.0.1:9/api", None)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (HERE, HERE),
        ("https://me:s3cret@host.invalid:8443/api?token=s3cret#s3cret", "https://host.invalid:8443/api"),
        ("http://me:a@s3cret@host.invalid/api", "http://host.invalid/api"),
        ("http://[::1]:4200/api", "http://[::1]:4200/api"),
        ("http://me:s3cret/part@host/api", "the URL of PREFECT_API_URL"),
        ("http://host:s3cret/api", "the URL of PREFECT_API_URL"),
    ],
)
def test_of_a_servers_url_no_secret_is_shown(url: str, shown: str) -> None:
    assert display_server(url) == shown
    with pytest.raises(SourceError) as caught:
        require_access(url.replace("4200", "9"), None)
    assert "s3cret" not in str(caught.value)


def test_only_http_urls_are_requested(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"http:// or https://, found .*; correct or unset PREFECT_API_URL"):
        require_access(tmp_path.as_uri(), None)


def test_a_server_that_ends_leaves_the_note_of_a_later_one(home: Path) -> None:
    later = "http://127.0.0.1:2/api"
    with ExitStack() as second:
        with noted_server(home, HERE):
            second.enter_context(noted_server(home, later))
        assert read_server_url(home) == later
    assert read_server_url(home) is None


def test_a_second_serve_of_a_home_is_refused_until_the_first_is_gone(home: Path) -> None:
    link = home.parent / "link"
    link.symlink_to(home)
    code = (
        "import sys, pathlib; from flows.server_access import sole_server, noted_server; home = pathlib.Path("
        "sys.argv[1])\nwith sole_server(home):\n  print('locked', flush=True); sys.stdin.readline()\n"
        f"  with noted_server(home, {HERE!r}):\n    print('noted', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert first.stdout.readline() == "locked\n"
        with pytest.raises(
            UsageError, match=rf"found one that is starting \(process {first.pid}\); use that"
        ):
            sole_server(home).__enter__()
        first.stdin.write("\n")
        first.stdin.flush()
        assert first.stdout.readline() == "noted\n"
        with pytest.raises(UsageError, match=rf"one at http://127.0.0.1:4200 \(process {first.pid}\); use"):
            sole_server(link).__enter__()
        first.kill()
        first.wait()
    assert read_server_url(home) == HERE
    with sole_server(home):
        assert read_server_url(home) is None
        with sole_server(home.parent / "other"):
            pass
    with sole_server(home):
        pass


def test_the_server_of_a_home_is_noted_as_long_as_it_runs(home: Path) -> None:
    assert read_server_url(home) is None
    with noted_server(home, HERE):
        assert read_server_url(home) == HERE
    assert read_server_url(home) is None
