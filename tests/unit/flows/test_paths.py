"""Paths as people write them: `~` is the folder of a user, and a worker elsewhere finds the same files."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from prefect.client.schemas.responses import DeploymentResponse
from price_files import write_prices
from typer.testing import CliRunner

from db import upgrade_store
from db.file_history import find_file
from flows.cli import app
from flows.initial_settings import InitialSettings, write_initial_settings
from flows.paths import make_url_absolute
from flows.prefect_runtime.changes import require_same_store
from flows.prefect_runtime.server import build_worker_environment
from flows.settings import load_settings
from flows.sources import SampleSource
from flows.sources.registry import open_source
from flows.sources.training import read_list
from forecasting.errors import UsageError

NOBODY = "~nobody-of-this-name/x"


@pytest.fixture(autouse=True)
def user_folder(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user, beside that in which a command is called."""
    folder = workplace / "user"
    folder.mkdir()
    (workplace / "here").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(workplace / "here")
    return folder


@pytest.mark.parametrize("place", ["environment", "dotenv"])
@pytest.mark.parametrize(("name", "field"), [("BANDCAST_HOME", "home"), ("BANDCAST_CSV_DIR", "csv_dir")])
def test_a_folder_of_the_settings_may_begin_with_the_user(
    user_folder: Path, monkeypatch: pytest.MonkeyPatch, place: str, *, name: str, field: str
) -> None:
    monkeypatch.delenv(name, raising=False)
    if place == "dotenv":
        Path(".env").write_text(f"{name}='~/a b'\n")
    else:
        monkeypatch.setenv(name, "~/a b")
    assert getattr(load_settings(), field) == user_folder / "a b"
    assert build_worker_environment()[name] == str(user_folder / "a b")


def test_files_of_a_folder_of_the_user_are_read(user_folder: Path) -> None:
    source = SampleSource()
    history = source.fetch("AAPL", None, date(2013, 3, 1))
    write_prices(user_folder / "prices", history)
    settings = load_settings(source="csv", csv_dir="~/prices")  # as an option or a form gives it
    assert open_source(settings, datetime(2013, 3, 4, tzinfo=UTC)).tickers() == ("AAPL",)
    checked = CliRunner().invoke(app, ["prices", "check", "~/prices"])
    assert "AAPL.csv" in checked.stdout
    assert not Path("~").exists()


@pytest.mark.parametrize("name", ["HOME", "CSV_DIR", "TICKERS", "DATABASE_URL", "TRAIN_UNIVERSE"])
def test_a_user_who_does_not_exist_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    marks = {"TICKERS": "@", "DATABASE_URL": "sqlite:///"}
    monkeypatch.setenv(f"BANDCAST_{name}", marks.get(name, "") + NOBODY)
    with pytest.raises(UsageError, match="whose ~ stands for the folder of a user, found ~nobody-of-this-na"):
        build_worker_environment()


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///~/bands.db", "user/bands.db"),
        ("sqlite:///bands.db", "here/bands.db"),
        ("sqlite+pysqlite:///a b.db?timeout=5", "here/a b.db"),
        ("sqlite:///file:a%3Fb.db?uri=true", "here/a?b.db"),
        ("sqlite:///file:~/a%20b.db?uri=true", "user/a b.db"),
    ],
)
def test_the_file_of_a_store_is_the_same_for_a_worker_that_runs_elsewhere(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, url: str, file: str
) -> None:
    monkeypatch.setenv("BANDCAST_DATABASE_URL", url)
    given = build_worker_environment()["BANDCAST_DATABASE_URL"]
    assert find_file(sa.make_url(given)) == workplace / file
    assert sa.make_url(given).query == sa.make_url(url).query
    monkeypatch.chdir("/")
    upgrade_store(given)
    assert (workplace / file).is_file()
    assert make_url_absolute(given) == given


@pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///:memory:", "postgresql://me@host:1/bands", "x"])
def test_what_names_no_file_stays(url: str) -> None:
    assert make_url_absolute(url) == url


def test_a_name_that_begins_a_query_stays_a_name(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = workplace / "what?"
    odd.mkdir()
    monkeypatch.chdir(odd)
    for url in ("sqlite:///b.db", "sqlite:///b.db?timeout=5", "sqlite:///file:b.db?uri=true"):
        assert find_file(sa.make_url(make_url_absolute(url))) == odd / "b.db"


def test_a_list_to_train_on_may_lie_with_the_user_and_a_worker_finds_it(
    user_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user_folder / "list.csv").write_text("ticker\nKO\nIBM\n")
    Path("near.csv").write_text("ticker\nAAPL\n")
    for name, path in {"~/list.csv": user_folder / "list.csv", "near.csv": Path.cwd() / "near.csv"}.items():
        monkeypatch.setenv("BANDCAST_TRAIN_UNIVERSE", name)
        given = build_worker_environment()["BANDCAST_TRAIN_UNIVERSE"]
        assert given == str(path)
        assert read_list(name) == read_list(given)
    monkeypatch.setenv("BANDCAST_TRAIN_UNIVERSE", "own")
    assert build_worker_environment()["BANDCAST_TRAIN_UNIVERSE"] == "own"


def test_a_file_to_write_may_begin_with_the_user(user_folder: Path) -> None:
    upgrade_store(load_settings().url)
    done = CliRunner().invoke(app, ["db", "backup", "~/copy.db"])
    assert done.stdout.strip() == str(user_folder / "copy.db")
    assert (user_folder / "copy.db").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ["db", "backup"],
        ["plot", "--out"],
        ["prices", "check"],
        ["init", "--universe", "KO", "--home"],
        ["init", "--universe", "KO", "--csv-dir"],
        ["run", "--source", "csv", "--csv-dir"],
        ["backtest", "--start", "2012-01-03", "--out"],
    ],
)
@pytest.mark.parametrize("blanks", ["", "  "])
def test_a_path_of_blanks_is_refused_and_nothing_is_written(words: list[str], blanks: str) -> None:
    done = CliRunner().invoke(app, [*words, blanks])
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == "Expected a path, found blanks alone or nothing; name a file or a folder."
    assert not list(Path.cwd().iterdir())


def test_init_writes_every_path_absolute(workplace: Path, user_folder: Path) -> None:
    (user_folder / "prices").mkdir()
    chosen = InitialSettings("KO", Path("~/home"), database_url="sqlite:///b.db", csv_dir=Path("~/prices"))
    write_initial_settings(Path.cwd(), chosen, force=False)
    text = Path(".env").read_text()
    assert f"BANDCAST_HOME='{user_folder}/home'" in text
    assert f"BANDCAST_CSV_DIR='{user_folder}/prices'" in text
    assert f"BANDCAST_DATABASE_URL='sqlite:///{workplace}/here/b.db'" in text


def test_a_stamp_with_a_relative_path_is_that_of_the_same_file() -> None:
    stamped = DeploymentResponse(name="daily", flow_id=uuid4(), labels={}, tags=["store=sqlite:///bands.db"])
    require_same_store([stamped], f"sqlite:///{Path.cwd()}/bands.db", "http://127.0.0.1:4200/api")
    with pytest.raises(UsageError, match=r"found those of sqlite:///bands\.db"):
        require_same_store([stamped], f"sqlite:///{Path.cwd()}/others.db", "http://127.0.0.1:4200/api")
