"""The store of an earlier release: upgraded by the command, read by the commands, served by a run."""

import json
from pathlib import Path
from typing import Any

import pytest
from flow_runs import complete, fail
from old_stores import DUMPS, load_dump
from price_files import write_prices
from reading_store import rows
from typer.testing import CliRunner
from workplace import open_configured_store

from flows.cli import app
from flows.daily import daily
from flows.forecast import forecast
from forecasting.errors import MigrationBehindError

OTHER_EDITION = "a model of edition 2 where this release has edition 4"
TICKERS = ["AAA", "BBB"]
NEWEST_BANDS = {("AAA", "2024-06-05"), ("BBB", "2024-06-05"), ("CCC", "2024-05-31")}
(RELEASE_0_1,) = (dump for dump in DUMPS if dump.name == "1f1a555.sql.gz")


def invoke(*arguments: str) -> str:
    """Run a command that ends well; its output."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def invoke_json(*arguments: str) -> Any:
    return json.loads(invoke(*arguments, "--json"))


def load_scores() -> dict[tuple[Any, ...], list[float]]:
    """Outcome, CRPS and Winkler score of every band."""
    key = "ticker, as_of, target_session, method, kind"
    found = rows(f"SELECT {key}, actual_log_return, crps, winkler FROM verifications")
    return {tuple(row[:5]): list(row[5:]) for row in found}


@pytest.fixture(autouse=True)
def old(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store before its upgrade, and files of the sessions before."""
    load_dump(RELEASE_0_1, workplace / "home" / "bandcast.db")
    monkeypatch.setenv("BANDCAST_SOURCE", "csv")
    monkeypatch.setenv("BANDCAST_CSV_DIR", str(workplace / "prices"))


@pytest.fixture
def upgraded(workplace: Path) -> None:
    invoke("db", "upgrade")
    with open_configured_store() as store, store.reading() as tx:
        for holding in tx.prices.list_holdings():
            write_prices(workplace / "prices", tx.prices.load(holding.ticker))


def test_it_is_refused_until_the_command_upgrades_it() -> None:
    before = rows("SELECT version_num FROM alembic_version")
    for command in (["show"], ["models"], ["prices", "status"]):
        error = CliRunner().invoke(app, command).exception
        assert isinstance(error, MigrationBehindError)
        assert "run `bandcast db upgrade`" in str(error)
    assert rows("SELECT version_num FROM alembic_version") == before
    assert invoke("db", "upgrade") == invoke("db", "upgrade")
    assert rows("SELECT version_num FROM alembic_version") != before


@pytest.mark.usefixtures("upgraded")
def test_bands_models_and_prices_can_be_shown() -> None:
    bands = invoke_json("show", "--all")
    assert {(row["ticker"], row["as_of"]) for row in bands} == NEWEST_BANDS
    assert all(row["lower"] < row["median"] < row["upper"] for row in bands)
    earlier = invoke_json("show", "--as-of", "2024-05-28")  # of the random walk
    assert {row["quality"] for row in earlier} == {"baseline"}
    models = {model["version"]: model["status"] for model in invoke_json("models")}
    assert models == dict(rows("SELECT version, status FROM model_versions"))
    assert "random-walk" in models
    statuses = {status["ticker"]: status for status in invoke_json("prices", "status")}
    assert [status["bars"] for status in statuses.values()] == [530, 530, 527]
    assert statuses["BBB"]["revisions"] == 1
    assert statuses["CCC"]["quarantined"] == "2024-06-05 stale"
    assert invoke_json("prices", "show", "AAA")["sessions"][-1]["session"] == "2024-06-05"


@pytest.mark.usefixtures("upgraded", "prefect_url")
def test_its_scores_can_be_shown_and_stay_as_they_are() -> None:
    before = load_scores()
    scorecards = invoke_json("verify")
    assert scorecards["scored"] == 0  # those of the corrected close and of total returns over it are the same
    assert load_scores() == {key: pytest.approx(scores, rel=1e-9) for key, scores in before.items()}
    counted = rows("SELECT kind, count(*) FROM verifications WHERE method = 'calibrated' GROUP BY kind")
    assert scorecards["outcomes"] == dict(counted)
    assert {row["ticker"] for row in scorecards["issued"]["ticker"]} == {"AAA", "BBB", "CCC"}


@pytest.mark.usefixtures("upgraded", "prefect_url")
def test_a_model_of_another_edition_is_refused_in_one_sentence_and_the_random_walk_serves(
    run_log: list[str],
) -> None:
    (champion,) = (
        version for (version,) in rows("SELECT version FROM model_versions WHERE status = 'champion'")
    )
    summary = complete(forecast, tickers=TICKERS, horizon=2)
    assert (summary.tickers, summary.model_version) == (("AAA", "BBB"), "random-walk")
    (refusal,) = (line for line in run_log if champion in line)
    assert OTHER_EDITION in refusal
    assert "\n" not in refusal


@pytest.mark.usefixtures("upgraded", "prefect_url")
def test_a_new_model_takes_the_place_of_one_of_another_edition(run_log: list[str]) -> None:
    versions = {version for (version,) in rows("SELECT version FROM model_versions")}
    summary = complete(daily, tickers=TICKERS, horizon=2, force=True)
    assert summary.model_version not in versions
    assert rows("SELECT DISTINCT quality FROM forecasts WHERE as_of = '2024-06-05'") == [("champion",)]
    assert len([line for line in run_log if OTHER_EDITION in line]) == 1
    assert any("promotion: Promoted: no model served" in line for line in run_log)


@pytest.mark.usefixtures("prefect_url")
def test_a_run_before_the_upgrade_is_one_sentence(workplace: Path) -> None:
    (workplace / "prices").mkdir()
    (workplace / "prices" / "AAA.csv").write_text("date,close\n2024-06-05,1\n")
    assert "run `bandcast db upgrade`" in str(fail(forecast, tickers=["AAA"]))
