"""The daily flow against a real store and a real Prefect server."""

import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flow_runs import Flow, complete, fail, run_state
from prefect import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterName
from prefect.client.schemas.sorting import TaskRunSort
from price_files import write_prices
from reading_store import connection, dump, rows

from db.repositories.forecasts import ForecastRepository
from flows.daily import daily
from flows.forecast import forecast
from flows.ingest import ingest
from flows.retrain import retrain
from flows.sources import SampleSource
from forecasting.errors import BandcastError, InternalError, SourceError, UsageError

README = Path(__file__).parents[3] / "README.md"
README_QUERIES = re.findall(r"^SELECT .*(?=;$)", README.read_text(), re.MULTILINE)

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.no_cover)], indirect=True
)
def test_a_run_stores_every_band_and_a_second_run_changes_nothing() -> None:
    summary = complete(daily)
    assert summary.tickers == ("AAPL", "FB", "GOOG", "IBM", "MSFT")
    assert summary.as_of == date(2013, 3, 1)
    assert summary.quarantined == {}
    assert summary.outputs is not None
    assert Path(summary.outputs.plot).stat().st_size > 10_000
    first = dump()
    assert len(first["forecasts"]) == 5 * 30
    assert len(first["forecast_quantiles"]) == 5 * 30 * (23 + 3 * 5)
    for query in README_QUERIES:
        assert len(rows(query)) == 5, query

    rest = run_state(daily)
    assert (rest.name, rest.type.value) == ("Skipped", "COMPLETED")
    assert dump() == first

    again = complete(daily, force=True)
    assert again.run_id == summary.run_id
    assert again.model_version == summary.model_version
    assert dump() == first


def test_target_sessions_skip_weekends_and_good_friday() -> None:
    complete(daily, tickers=["AAPL"])
    targets = [row[0] for row in rows("SELECT target_session FROM latest_forecast ORDER BY horizon")]
    assert targets[0] == "2013-03-04"
    assert "2013-03-29" not in targets
    assert len(targets) == 30


def test_a_shorter_horizon_and_an_earlier_as_of_are_kept_beside_each_other() -> None:
    complete(daily, tickers=["IBM"], as_of=date(2013, 2, 22), horizon=7)
    complete(daily, tickers=["IBM"])
    counts = rows("SELECT as_of, count(*) FROM forecasts GROUP BY as_of ORDER BY as_of")
    assert counts == [("2013-02-22", 7), ("2013-03-01", 30)]
    assert rows("SELECT DISTINCT as_of FROM latest_forecast") == [("2013-03-01",)]


def test_a_forecast_never_uses_a_model_that_saw_later_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_SIMULATION__WIDEST_BAND", "100")  # a model of one epoch is wide of the mark
    late = complete(daily, tickers=["IBM", "MSFT"])
    early = complete(daily, tickers=["IBM", "MSFT"], as_of=date(2013, 1, 31))
    assert late.model_version != early.model_version
    tested = "WHERE status != 'baseline' ORDER BY gated_as_of"
    models = rows(f"SELECT version, gated_as_of, status FROM model_versions {tested}")
    assert models == [
        (early.model_version, "2013-01-31", "retired"),
        (late.model_version, "2013-03-01", "champion"),
    ]


def test_a_ticker_alone_gets_the_bands_it_gets_among_others() -> None:
    complete(daily)
    together = rows("SELECT * FROM forecast_quantiles WHERE ticker = 'MSFT'")
    for table in ("calibrated_quantiles", "comparison_quantiles", "forecasts"):
        with connection() as opened:
            opened.execute(sa.text(f"DELETE FROM {table}"))
    complete(forecast, tickers=["MSFT"])
    assert sorted(rows("SELECT * FROM forecast_quantiles")) == sorted(together)


def test_an_unknown_ticker_is_quarantined_with_its_reason_and_the_others_go_on() -> None:
    summary = complete(daily, tickers=["AAPL", "NOPE", "IBM"])
    assert summary.tickers == ("AAPL", "IBM")
    assert summary.quarantined["NOPE"].reason == "unknown_ticker"
    assert rows("SELECT ticker, reason FROM quarantines") == [("NOPE", "unknown_ticker")]
    assert rows("SELECT quarantined FROM forecast_runs") == [('{"NOPE": "unknown_ticker"}',)]
    with get_client(sync_client=True) as client:
        (pull,) = client.read_task_runs(  # the newest: other tests of this server pull it, too
            task_run_filter=TaskRunFilter(name=TaskRunFilterName(any_=["pull-NOPE"])),
            sort=TaskRunSort.END_TIME_DESC,
            limit=1,
        )
    assert pull.state is not None
    assert (pull.state.name, pull.state.type.value) == ("Quarantined", "FAILED")
    assert str(pull.state.message).startswith("NOPE: expected prices in ")


def test_too_few_good_tickers_publish_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    complete(retrain)
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "0.9")
    error = fail(daily, tickers=["AAPL", "NOPE"])
    assert isinstance(error, SourceError)
    assert "found 1" in str(error)
    assert rows("SELECT count(*) FROM forecasts") == [(0,)]


def test_nothing_is_half_written_when_publishing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    complete(daily, tickers=["AAPL", "IBM"], as_of=date(2013, 2, 28))
    before = dump()["forecast_quantiles"]

    publish = ForecastRepository.publish

    def interrupted(self: ForecastRepository, *arguments: Any, **options: Any) -> None:
        publish(self, *arguments, **options)
        raise ConnectionResetError("the network went away")

    monkeypatch.setattr(ForecastRepository, "publish", interrupted)
    error = fail(daily, tickers=["AAPL", "IBM"])
    assert isinstance(error, InternalError)
    assert "ConnectionResetError: the network went away" in str(error)
    assert dump()["forecast_quantiles"] == before
    assert len(rows("SELECT * FROM forecast_runs")) == 1


@pytest.mark.parametrize(
    ("flow", "parameters", "error", "words"),
    [
        (forecast, {}, SourceError, "run `bandcast ingest`"),
        (daily, {"as_of": date(2013, 3, 2)}, UsageError, "2013-03-01"),
        (daily, {"source": "csv"}, BandcastError, "folder"),
        (ingest, {"source": "csv", "csv_dir": "nowhere"}, SourceError, "nowhere"),
    ],
)
def test_a_job_that_cannot_be_done_fails_in_one_sentence(
    flow: Flow, parameters: dict[str, Any], error: type[Exception], words: str
) -> None:
    found = fail(flow, **parameters)
    assert isinstance(found, error)
    assert words in str(found)
    assert "\n" not in str(found)


def test_a_missing_universe_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_SOURCE", "yahoo")
    assert isinstance(fail(daily), UsageError)


def test_ingest_stores_prices_and_makes_no_forecast() -> None:
    summary = complete(ingest, tickers=["AAPL"])
    assert summary.tickers == ("AAPL",)
    assert rows("SELECT count(*) FROM price_bars") == [(3270,)]
    assert rows("SELECT count(*) FROM forecasts") == [(0,)]


@pytest.mark.long  # the bytes of two fits are compared in the unit tests
def test_retrain_always_makes_the_same_model_from_the_same_prices() -> None:
    first, second = complete(retrain), complete(retrain)
    assert first.model_version == second.model_version
    assert rows("SELECT status FROM model_versions") == [("champion",)]


def test_retrain_trains_on_the_tickers_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TRAIN_TICKERS", "AAPL,GOOG,MSFT")
    complete(retrain, tickers=["IBM"])
    ((config,),) = rows("SELECT config FROM model_versions")
    manifest = json.loads(config)
    assert (manifest["reference"], manifest["source"]) == (["IBM"], "sample")


@pytest.fixture
def csv_dir(workplace: Path) -> Path:
    """A folder of two files, made from the bundled prices."""
    folder = workplace / "prices"
    for ticker in ("AAPL", "IBM"):
        write_prices(folder, SampleSource().fetch(ticker, None, date(2013, 3, 1)))
    return folder


def test_a_csv_folder_forecasts_and_a_stale_file_is_quarantined(csv_dir: Path) -> None:
    lines = (csv_dir / "IBM.csv").read_text().splitlines()
    (csv_dir / "IBM.csv").write_text("\n".join(lines[:-3]))
    summary = complete(daily, source="csv", csv_dir=str(csv_dir))
    assert summary.tickers == ("AAPL",)
    assert summary.quarantined["IBM"].reason == "stale"
    assert summary.as_of == date(2013, 3, 1)


def test_prices_of_two_sources_never_mix(csv_dir: Path) -> None:
    complete(ingest, tickers=["AAPL"])
    shutil.copy(csv_dir / "IBM.csv", csv_dir / "AAPL.csv")
    complete(ingest, tickers=["AAPL"], source="csv", csv_dir=str(csv_dir))
    closes = dict(rows("SELECT source, close FROM price_bars WHERE session = '2013-03-01'"))
    assert closes == {"sample": 430.47, "csv": 202.91}
