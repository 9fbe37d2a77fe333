"""Initial settings: `init`, watchlists, `config show`, and nothing scheduled that cannot run."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import TypeAdapter
from typer.testing import CliRunner

from db import upgrade_store
from flows.cli import app
from flows.cli.options import build_parameters
from flows.prefect_runtime.parameters import Symbols
from flows.prefect_runtime.runnable import require_runnable
from flows.prefect_runtime.server import build_worker_environment
from flows.schedules import Schedule
from flows.setting_values import list_settings
from flows.settings import load_settings
from flows.symbols import make_absolute
from forecasting.errors import UsageError

SECRET = "s3cret-of-mine"


@pytest.fixture(autouse=True)
def bare(workplace: Path, no_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in which nobody has set source, tickers or home."""
    for name in ("SOURCE", "TICKERS", "HOME"):
        monkeypatch.delenv(f"BANDCAST_{name}", raising=False)


def init(*options: str) -> str:
    done = CliRunner().invoke(app, ["init", *options])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def test_init_writes_what_every_command_of_the_folder_reads(workplace: Path) -> None:
    printed = init("--universe", "aapl,ZZZ", "--source", "sample", "--home", "it's #1")
    assert printed.splitlines()[:2] == [f"wrote {workplace}/.env", f"wrote {workplace}/watchlist.csv"]
    assert printed.splitlines()[-1].startswith(
        "Next: `bandcast run` makes the first bands, `bandcast serve` "
    )
    assert "warn  freshness" in printed
    assert (workplace / "watchlist.csv").read_text() == "ticker,name\nAAPL,Apple Inc.\nZZZ,\n"
    settings = load_settings()
    assert (settings.tickers, settings.source) == (("AAPL", "ZZZ"), "sample")
    assert settings.home == workplace / "it's #1"


def test_init_overwrites_nothing_unless_forced(workplace: Path) -> None:
    (workplace / "watchlist.csv").write_text("ours")
    done = CliRunner().invoke(app, ["init", "--universe", "AAPL"])
    assert isinstance(done.exception, UsageError)
    assert "give --force" in str(done.exception)
    assert sorted(path.name for path in workplace.iterdir()) == ["watchlist.csv"]
    (workplace / ".env").write_text("")
    (workplace / ".env").chmod(0o666)
    init("--universe", "AAPL", "--force")
    assert load_settings().tickers == ("AAPL",)
    assert (workplace / ".env").stat().st_mode & 0o022 == 0


def test_init_takes_a_watchlist_as_it_is_or_the_bundled_list(workplace: Path) -> None:
    (workplace / "mine.csv").write_text("name,ticker\nCoca-Cola,ko\n")
    init("--universe", "@mine.csv")
    assert load_settings().tickers == ("KO",)
    assert not (workplace / "watchlist.csv").exists()
    init("--universe", "us-large", "--force")
    assert len(load_settings().tickers) == 500


def test_init_takes_the_name_of_a_variable(workplace: Path) -> None:
    made = CliRunner().invoke(app, ["init", "--universe", "@variable:desk", "--source", "sample"])
    assert (
        "Expected a Prefect Variable 'desk' with symbols and a server that has it, found none" in made.stdout
    )
    assert load_settings().tickers == ("@variable:desk",)
    assert build_worker_environment()["BANDCAST_TICKERS"] == "@variable:desk"
    assert not (workplace / "watchlist.csv").exists()
    refused = CliRunner().invoke(app, ["init", "--universe", "@variable:My Desk", "--force"])
    assert "Expected the name of a Prefect Variable after @variable:" in str(refused.exception)


def test_init_sets_the_daily_run_by_the_exchange(workplace: Path) -> None:
    init("--universe", "7203.T", "--exchange", ".T")
    assert load_settings().chosen_schedule == Schedule("0 18 * * 1-5", "Asia/Tokyo")
    init("--universe", "7203.T", "--force")
    assert load_settings().chosen_schedule is None
    refused = CliRunner().invoke(app, ["init", "--universe", "KO", "--exchange", "moon", "--force"])
    assert "such as XTKS or .T, found 'moon'" in str(refused.exception)


@pytest.mark.parametrize("universe", [None, "A B", ",", "@nowhere.csv"])
def test_init_without_tickers_writes_nothing(workplace: Path, universe: str | None) -> None:
    done = CliRunner().invoke(app, ["init", *(["--universe", universe] if universe else [])])
    assert isinstance(done.exception, UsageError)
    assert list(workplace.iterdir()) == []


@pytest.mark.parametrize("source", [[], ["--source", "csv"]])
@pytest.mark.parametrize(
    ("folder", "found"), [("nowhere", "No such file or directory"), ("a file", "Not a directory")]
)
def test_init_refuses_a_folder_of_price_files_that_is_none(
    workplace: Path, source: list[str], folder: str, found: str
) -> None:
    (workplace / "a file").touch()
    done = CliRunner().invoke(app, ["init", "--universe", "KO", "--csv-dir", folder, *source])
    assert isinstance(done.exception, UsageError)
    assert f"at {workplace}/{folder}, found {found}; correct --csv-dir" in str(done.exception)
    assert [path.name for path in workplace.iterdir()] == ["a file"]


def test_init_for_price_files_wants_their_folder(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(app, ["init", "--universe", "KO", "--source", "csv"])
    assert "Expected --csv-dir with the folder of TICKER.csv files" in str(done.exception)
    assert list(workplace.iterdir()) == []
    (workplace / "prices").mkdir()
    monkeypatch.setenv("BANDCAST_CSV_DIR", "prices")
    done = CliRunner().invoke(app, ["init", "--universe", "KO", "--source", "csv"])
    assert f"fail  price files: Expected a folder with files such as AAPL.csv at {workplace}" in done.stdout
    assert done.stdout.endswith("Mend what fails, then call `bandcast doctor` again.\n")


@pytest.mark.parametrize(
    ("options", "source"),
    [([], "csv"), (["--source", "csv"], "csv"), (["--source", "sample"], "sample")],
)
def test_a_folder_of_price_files_is_the_source_unless_another_is_named(
    workplace: Path, options: list[str], source: str
) -> None:
    (workplace / "prices").mkdir()
    CliRunner().invoke(app, ["init", "--universe", "KO", "--csv-dir", "prices", *options])
    assert load_settings().source == source


def test_a_watchlist_is_read_by_settings_options_and_forms(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workplace / "mine.csv").write_text("ticker,name\nko,x\nIBM,y\nKO,z\n")
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL,@mine.csv")
    assert load_settings().tickers == ("AAPL", "KO", "IBM")
    assert build_parameters(tickers="@mine.csv")["tickers"] == ["KO", "IBM"]
    given = TypeAdapter(Symbols).validate_python([f"@{workplace}/mine.csv", "MSFT"])
    assert load_settings(tickers=given).tickers == ("KO", "IBM", "MSFT")
    assert build_worker_environment()["BANDCAST_TICKERS"] == f"AAPL,@{workplace}/mine.csv"
    assert make_absolute(f"@{workplace}/a b.csv, KO") == f"@{workplace}/a b.csv,KO"


@pytest.mark.parametrize(
    ("text", "tickers"),
    [
        ("AAPL,MSFT,KO\n", ("AAPL", "MSFT", "KO")),
        ("AAPL, MSFT\nKO\n", ("AAPL", "MSFT", "KO")),
        ("symbol,name\nAAPL,Apple\n", ("AAPL",)),
        ("Tickers\nAAPL\n", ("AAPL",)),
        ("AAPL,Apple\nKO,Coca-Cola\n", ("AAPL", "KO")),
    ],
)
def test_a_watchlist_may_be_a_line_a_column_or_a_table(
    workplace: Path, text: str, tickers: tuple[str, ...]
) -> None:
    (workplace / "mine.csv").write_text(text)
    assert load_settings(tickers="@mine.csv").tickers == tickers


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "found No such file or directory; correct the path"),
        (b"", "found no entry"),
        (f"AAPL\nroot:{SECRET}\n".encode(), "found no symbol in entry 2; correct it"),
        (b"\xff\xfe", "found no text in UTF-8"),
        (b"date,close\n2024-06-03,10\n", "found no symbol in entry 2; correct it"),
        (b"date,close\n20240603,10\n", "found no symbol in entry 2; correct it"),
        (b"date,close\n3.6.2024,10\n", "found no symbol in entry 2; correct it"),
        (b"date,close\n3-Jun-24,10\n", "found no symbol in entry 2; correct it"),
    ],
)
def test_a_file_that_is_no_watchlist_is_one_sentence_without_its_content(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, found: str
) -> None:
    if content is not None:
        (workplace / "mine.csv").write_bytes(content)
    monkeypatch.setenv("BANDCAST_TICKERS", "@mine.csv")
    with pytest.raises(UsageError, match=f"at {workplace}/mine.csv, {found}") as refused:
        load_settings()
    assert SECRET not in str(refused.value)


def test_config_shows_values_and_who_has_set_them_without_secrets(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workplace / ".env").write_text(
        'BANDCAST_GATE={"sessions": 70}\nBANDCAST_TICKERS=KO\nBANDCAST_SOURCE=csv\n'
    )
    for name, value in {
        "BANDCAST_DATABASE_URL": f"postgresql://me:{SECRET}@db/bands",
        "BANDCAST_NOTIFY_URL": f"json://host/{SECRET}",
        "BANDCAST_SOURCE": "sample",
        "BANDCAST_CLOSURES": "XNYS:2025-01-09",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BANDCAST_GATE__SESSIONS")
    done = CliRunner().invoke(app, ["config", "show", "--json"])
    shown = {row["variable"]: (row["value"], row["origin"]) for row in json.loads(done.stdout)}
    assert shown["BANDCAST_SOURCE"] == ("sample", "environment")
    assert shown["BANDCAST_TICKERS"] == (["KO"], ".env")
    assert shown["BANDCAST_GATE__SESSIONS"] == (70, ".env")
    assert shown["BANDCAST_GATE__TICKERS"][1] == "default"
    assert shown["BANDCAST_NOTIFY_URL"] == ("***", "environment")
    assert shown["BANDCAST_DATABASE_URL"] == ("postgresql://***@db/bands", "environment")
    table = CliRunner().invoke(app, ["config", "show"])
    assert "XNYS:2025-01-09" in table.stdout
    assert SECRET not in done.output + table.output


def test_every_setting_is_shown() -> None:
    shown = {setting.variable for setting in list_settings(load_settings())}
    assert {"BANDCAST_HOME", "BANDCAST_MODEL__TRAINING__SEED", "BANDCAST_MONITORING__TOLERANCE"} <= shown


@pytest.mark.parametrize("command", ["serve", "deploy"])
def test_nothing_is_scheduled_without_tickers(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_SOURCE", "yahoo")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        done = CliRunner().invoke(app, [command, *(["--dry-run"] if command == "deploy" else [])])
    assert isinstance(done.exception, UsageError)
    assert "Expected tickers to forecast, found none; run `bandcast init`" in str(done.exception)


def test_nothing_is_scheduled_on_a_store_of_another_release(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_SOURCE", "sample")
    require_runnable()
    upgrade_store(load_settings().url)
    require_runnable()
    with closing(sqlite3.connect(workplace / ".bandcast" / "bandcast.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(UsageError, match="found one at migration 0001; run `bandcast db upgrade` first"):
        require_runnable()
