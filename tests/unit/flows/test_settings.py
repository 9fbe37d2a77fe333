"""Settings as people set them: one sentence for what is wrong, and the name of what is unknown."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db import upgrade_store
from flows.cli import app, main
from flows.doctor import examine
from flows.environment import DOTENV, read_dotenv
from flows.settings import find_unknown_variables, load_settings
from flows.symbols import parse_tickers, split_tickers
from forecasting.errors import SymbolError, UsageError

NO_TICKERS = "Expected symbols separated by commas, such as AAPL,MSFT, found none in "
TEXTS = [f"BANDCAST_{name}" for name in ("HOME", "CSV_DIR", "DATABASE_URL", "TRAIN_UNIVERSE", "NOTIFY_URL")]
ESZETT, E_ACUTE = "\N{LATIN SMALL LETTER SHARP S}", "\N{LATIN SMALL LETTER E WITH ACUTE}"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "BANDCAST_GATE__HORIZONS",
            "1,5,10",
            "Expected JSON in BANDCAST_GATE__HORIZONS, such as [1, 5, 10] for a list, "
            "found '1,5,10'; correct it.",
        ),
        (
            "BANDCAST_SIMULATION__LEVELS",
            "[0.05, 0.5, 0.95]",
            "Expected a valid BANDCAST_SIMULATION__LEVELS, found [0.05, 0.5, 0.95]: "
            "the stored levels are no setting any more; remove it.",
        ),
        (
            "BANDCAST_SIMULATION",
            '{"horizon":5',
            "Expected JSON in BANDCAST_SIMULATION, such as [1, 5, 10] for a list, "
            "found a text that is not shown here; correct it.",
        ),
        ("BANDCAST_SIMULATION", "[" * 50_000, "Expected JSON in every setting of several values, "),
        ("BANDCAST_GATE__HORIZONS", "1", "Expected a valid BANDCAST_GATE__HORIZONS, found 1: "),
        (
            "BANDCAST_SIMULATION__DROPOT_RUNS",
            "9",
            "Expected the name of a setting, such as BANDCAST_SIMULATION__DROPOUT_RUNS, "
            "found BANDCAST_SIMULATION__DROPOT_RUNS; correct it.",
        ),
        ("BANDCAST_RUN_MINUTES", "inf", "Expected a valid BANDCAST_RUN_MINUTES, found "),
        ("BANDCAST_HISTORY_DAYS", "99999999999", "Expected a valid BANDCAST_HISTORY_DAYS, found "),
        (
            "BANDCAST_SCHEDULE",
            "30 18 * * ",
            "Expected a valid BANDCAST_SCHEDULE, found a text that is not shown here: "
            "a cron has minute, hour, day, month and weekday, such as 30 18 * * 1-5.",
        ),
        (
            "BANDCAST_TIMEZONE",
            "New York",
            "Expected a valid BANDCAST_TIMEZONE, found 'New York': "
            "a time zone has an IANA name, such as Europe/Paris.",
        ),
        ("BANDCAST_TICKERS", " , ", f"BANDCAST_TICKERS: {NO_TICKERS}"),
        ("BANDCAST_TRAIN_TICKERS", ",", f"BANDCAST_TRAIN_TICKERS: {NO_TICKERS}"),
        ("BANDCAST_WATCHED", "A;B", "BANDCAST_WATCHED: Expected symbols such as AAPL, "),
        ("BANDCAST_CLOSURES", "XNYS:2025-13-01", "Expected a valid BANDCAST_CLOSURES, found '2025-13-01': "),
        (
            "BANDCAST_GATE__HORIZONS",
            "[]",
            "Expected a valid BANDCAST_GATE__HORIZONS, found []: horizons must ",
        ),
        ("BANDCAST_GATE__HORIZONS", "[0, 5]", "Expected a valid BANDCAST_GATE__HORIZONS, found [0, 5]: "),
        ("BANDCAST_MONITORING__HORIZONS", "[31]", "Expected a valid BANDCAST_MONITORING__HORIZONS, found "),
        (
            "BANDCAST_YAHOO_URL",
            "localhost",
            "Expected a valid BANDCAST_YAHOO_URL, found 'localhost': String should match ",
        ),
        *((name, "  ", f"Expected a valid {name}, found ' ': it holds blanks alone; ") for name in TEXTS),
    ],
)
@pytest.mark.parametrize("place", ["environment", "dotenv"])
def test_a_wrong_value_is_one_sentence_that_names_its_variable(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, place: str, *, name: str, value: str, sentence: str
) -> None:
    monkeypatch.delenv(name, raising=False)
    if place == "dotenv":
        (workplace / DOTENV).write_text(f"{name}='{value}'\n")
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert str(caught.value).startswith(sentence)


def test_a_dotenv_with_a_quote_that_is_not_closed_is_refused(workplace: Path) -> None:
    (workplace / ".env").write_text("# ours\nBANDCAST_SOURCE='sample\nBANDCAST_TICKERS=IBM\n")
    with pytest.raises(UsageError, match=r"NAME=value in line 2 of .*\.env, found something else"):
        load_settings()


@pytest.mark.parametrize("line", ["BANDCAST_SOURCE", "export bandcast_source"])
def test_a_setting_without_a_value_is_refused_and_a_name_of_another_program_is_not(
    workplace: Path, line: str
) -> None:
    (workplace / DOTENV).write_text("ANOTHER\nBANDCAST_TICKERS=IBM\n")
    assert load_settings().tickers == ("IBM",)
    (workplace / DOTENV).write_text(f"ANOTHER\n{line}\nBANDCAST_TICKERS=IBM\n")
    name = line.rsplit(maxsplit=1)[-1]
    with pytest.raises(UsageError, match=rf"a value of {name} in line 2 of .*; write {name}=VALUE\."):
        load_settings()


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_dotenv_in_another_encoding_is_named(workplace: Path, encoding: str) -> None:
    (workplace / DOTENV).write_text(f"BANDCAST_HOME=caf{E_ACUTE}\n", encoding)
    for read in (load_settings, read_dotenv):
        with pytest.raises(UsageError, match=r"Expected UTF-8 text in .*/\.env, found another encoding"):
            read()


def test_a_folder_in_the_place_of_the_dotenv_is_named(workplace: Path) -> None:
    (workplace / DOTENV).mkdir()  # as containers make where the file to mount is missing
    for read in (load_settings, read_dotenv):
        with pytest.raises(
            UsageError, match=r"Expected to read .*/\.env, found Is a directory; correct or m"
        ):
            read()


def test_a_byte_order_mark_hides_no_setting(workplace: Path) -> None:
    (workplace / DOTENV).write_text("BANDCAST_TICKERS=IBM\n", "utf-8-sig")
    assert load_settings().tickers == ("IBM",)
    assert read_dotenv() == {"BANDCAST_TICKERS": "IBM"}


@pytest.mark.parametrize("text", ["OK0;OK1", "OK0 OK1", "'OK0'", "../x,OK0", "\N{ROCKET}", f"stra{ESZETT}e"])
def test_a_list_of_no_symbols_is_refused_with_the_symbol(text: str) -> None:
    with pytest.raises(SymbolError) as caught:
        split_tickers(text)
    assert f"found '{text.split(',', maxsplit=1)[0]}'" in str(caught.value)


def test_every_kind_of_symbol_passes() -> None:
    symbols = ("M&M.NS", "0005.HK", "^GSPC", "BRK-B", "EURUSD=X", "CL=F")
    assert split_tickers(" , ".join(symbols).lower()) == symbols
    assert parse_tickers([]) == ()


@pytest.mark.parametrize("name", ["tickers", "train_tickers", "watched"])
def test_every_list_of_tickers_is_read_alike(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"BANDCAST_{name.upper()}", "ko, AAPL")
    assert getattr(load_settings(), name) == ("KO", "AAPL")


def test_unknown_variables_are_found_with_the_nearest_setting() -> None:
    environment = {
        "BANDCAST_TIKCERS": "AAPL",
        "bandcast_history_day": "400",
        "BANDCAST_ZZZ": "1",
        "bandcast_tickers": "AAPL",
        "BANDCAST_GATE__SESSIONS": "126",
        "PREFECT_API_URL": "",
    }
    assert find_unknown_variables(environment) == {
        "BANDCAST_TIKCERS": "BANDCAST_TICKERS",
        "BANDCAST_ZZZ": "",
        "bandcast_history_day": "BANDCAST_HISTORY_DAYS",
    }


def test_unknown_variables_are_warned_of_once_on_standard_error(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workplace / DOTENV).write_text("BANDCAST_PATHS=3\n")
    monkeypatch.setenv("BANDCAST_TIKCERS", "AAPL")
    upgrade_store(load_settings().url)
    result = CliRunner().invoke(app, ["prices", "status", "--json"])
    assert json.loads(result.stdout) == []
    warnings = [line for line in result.stderr.splitlines() if line.startswith("Warning: unknown settings")]
    assert len(warnings) == 1
    assert "BANDCAST_TIKCERS (perhaps BANDCAST_TICKERS)" in warnings[0]
    assert "BANDCAST_PATHS" in warnings[0]


@pytest.mark.parametrize(("name", "verdict"), [("BANDCAST_TIKCERS", "warn"), ("BANDCAST_TICKERS", "ok")])
def test_the_doctor_names_unknown_variables(monkeypatch: pytest.MonkeyPatch, name: str, verdict: str) -> None:
    monkeypatch.setenv(name, "AAPL")
    (finding,) = [finding for finding in examine(load_settings()) if finding.check == "settings"]
    assert finding.verdict == verdict
    assert ("BANDCAST_TIKCERS (perhaps BANDCAST_TICKERS)" in finding.found) == (verdict == "warn")


@pytest.mark.parametrize("name", ["a?b", "a?b#c%20d", "what #1", "100%", 'it\'s "mine"', "a;b&c=d", E_ACUTE])
def test_a_home_may_have_any_name(workplace: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    home = workplace / name / "home"
    monkeypatch.setenv("BANDCAST_HOME", str(home))
    for arguments in (["db", "upgrade"], ["prices", "status", "--json"], ["models"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    assert (home / "bandcast.db").is_file()
    assert sorted(path.name for path in workplace.iterdir()) == [name]


def test_a_url_of_the_server_that_cannot_be_read_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://[::1")
    monkeypatch.setattr(sys, "argv", ["bandcast", "run"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("Error: Expected a URL in PREFECT_API_URL, found none ")
