"""Tampered rows of models and calibrations: the ladder serves, says why, and publishes no bad band.

The two tables of docs/operations.md are these cases.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from flow_runs import complete
from reading_store import connection, rows
from source_tree import ROOT
from synthetic_prices import ignore_epoch
from tampered_models import MODEL_KINDS, flip
from workplace import enter_workplace, open_configured_store

from db import ModelRecord
from flows.forecast import forecast
from flows.ingest import ingest
from flows.settings import load_settings
from flows.sources import open_source
from flows.sources.earnings import read_earnings_dates
from flows.steps.replay import replay_run
from flows.steps.returns import load_universe
from flows.summary import RunSummary
from forecasting.baselines.random_walk import bracket_widths
from forecasting.calendars.lookup import STANDARD
from forecasting.config import SimulationConfig
from forecasting.features.market import leave_market_unknown
from forecasting.pipeline import build_last_window, fit_model

TICKERS = ["IBM", "MSFT"]
REFERENCE = ["IBM", "AAPL", "GOOG"]
EARLIER, AS_OF = date(2012, 10, 18), date(2012, 11, 1)
NOW = datetime(2012, 11, 2, tzinfo=UTC)
NOT_SERVED = "ck_model_versions_status"
EVERY_RUN = list(MODEL_KINDS)[:6]
REST = list(MODEL_KINDS)[6:]
Rows = dict[str, list[Any]]
State = dict[str, Any]
CALIBRATION_KINDS: dict[str, Callable[[State], str] | None] = {
    "multipliers NaN": lambda state: json.dumps(scale_pool(state, float("nan"))),
    "counts negative": lambda state: json.dumps(state | {"pooled": [-1.0] * len(state["pooled"])}),
    "multipliers times 100": lambda state: json.dumps(scale_pool(state, 100.0)),
    "other horizons": lambda state: json.dumps(state | {"pool": [row[:-1] for row in state["pool"]]}),
    "broken JSON": lambda state: json.dumps(state)[:40],
    "row deleted": None,
}


def scale_pool(state: State, factor: float) -> State:
    return state | {"pool": (np.array(state["pool"]) * factor).tolist()}


@dataclass(frozen=True)
class Prepared:
    """A store with prices, a champion and the one before it.

    Attributes:
        url: Of the database.
        models: Both records, the champion first.
        expected: Quality -> the rows that it issues where nobody has changed anything.
    """

    url: str
    models: tuple[ModelRecord, ModelRecord]
    expected: dict[str, Rows]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def prepared(
    request: pytest.FixtureRequest, prefect_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prepared]:
    folder = tmp_path_factory.mktemp("tampering")
    url = f"sqlite:///{folder / 'bandcast.db'}"
    with pytest.MonkeyPatch.context() as patch:
        enter_workplace(folder, patch)
        if request.param == "postgres":
            url = request.getfixturevalue("module_postgres_url")
        patch.setenv("BANDCAST_DATABASE_URL", url)
        complete(ingest, tickers=[*TICKERS, *REFERENCE])
        models = fit_two()
        expected: dict[str, Rows] = {}
        put(models)
        run(EARLIER)  # its bands have closed by AS_OF, so that there is something to learn
        for quality, kept in (("champion", models), ("previous", models[1:]), ("baseline", ())):
            put(kept)
            run()
            expected[quality] = load_bands()
        yield Prepared(url, models, expected)


@pytest.fixture(autouse=True)
def restored(prepared: Prepared, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prepared store as it was."""
    monkeypatch.setenv("BANDCAST_DATABASE_URL", prepared.url)
    put(prepared.models)


def fit_two() -> tuple[ModelRecord, ModelRecord]:
    """A champion, and one from fewer sessions before it."""
    model = load_settings().model
    with open_configured_store() as store:
        universe = load_universe(
            store, REFERENCE, AS_OF, basis="split_adjusted", calendars=STANDARD
        ).returns.values()
    fitted = [
        fit_model(list(universe), day, model, on_epoch=ignore_epoch)
        for day in (date(2012, 8, 1), date(2012, 2, 1))
    ]
    champion, before = (
        ModelRecord(
            version=one.version(),
            source="sample",
            trained_through=one.manifest.trained_through,
            weights=one.weights(),
            config=one.manifest.model_dump_json(),
            metrics={},
            data_fingerprint="f",
            created_at=NOW,
        )
        for one in fitted
    )
    return replace(champion, status="champion"), replace(before, status="retired")


def put(models: tuple[ModelRecord, ...]) -> None:
    """Store these models alone, and no bands from AS_OF."""
    with connection() as opened:
        allow_any_status(opened)
        for table in ("forecasts", "forecast_runs"):
            opened.execute(sa.text(f"DELETE FROM {table} WHERE as_of = '{AS_OF}'"))
        opened.execute(sa.text("UPDATE forecasts SET model_version = 'random-walk'"))
        opened.execute(sa.text("UPDATE forecast_runs SET model_version = 'random-walk'"))
        opened.execute(sa.text("DELETE FROM model_versions WHERE version <> 'random-walk'"))
    with open_configured_store() as store, store.writing() as tx:
        tx.models.add_baseline(NOW)
        for record in models:
            allow_any_status(tx.models._connection)
            tx.models.add(record)


def allow_any_status(opened: sa.Connection) -> None:
    """Let a status through that the schema forbids."""
    if opened.dialect.name == "sqlite":
        opened.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
    else:
        opened.exec_driver_sql(f"ALTER TABLE model_versions DROP CONSTRAINT IF EXISTS {NOT_SERVED}")


def run(as_of: date = AS_OF) -> RunSummary:
    return complete(forecast, tickers=TICKERS, as_of=as_of, horizon=5)


def load_bands() -> Rows:
    """Ticker -> its rows of AS_OF, without what names the run."""
    columns = "ticker, horizon, lower, median, upper, outcomes, quality, model_version"
    found = rows(f"SELECT {columns} FROM forecasts WHERE as_of = '{AS_OF}' ORDER BY ticker, horizon")
    return {ticker: [tuple(row) for row in found if row.ticker == ticker] for ticker in TICKERS}


def check_sound(bands: Rows) -> None:
    values = np.array([row[2:5] for ticker in bands.values() for row in ticker], float)
    assert len(values) == 5 * len(TICKERS)
    assert np.isfinite(values).all()
    assert (values > 0).all()
    assert (np.diff(values, axis=1) > 0).all()


@pytest.mark.parametrize("kind", EVERY_RUN + [pytest.param(kind, marks=pytest.mark.long) for kind in REST])
def test_the_model_before_serves_in_place_of_a_tampered_one(
    kind: str, prepared: Prepared, run_log: list[str]
) -> None:
    champion, before = prepared.models
    tampering = MODEL_KINDS[kind]
    put((tampering.change(champion), before) if tampering.change else (before,))
    summary = run()
    assert summary.model_version == before.version
    assert load_bands() == prepared.expected["previous"]
    check_sound(load_bands())
    assert tampering.reason == "" or any(tampering.reason in line for line in run_log), run_log
    assert summary.quarantined == {}


UNREADABLE = ("metrics = '{\"crps'", "created_at = 'soon'", "trained_through = 'yesterday'")


@pytest.mark.parametrize(
    "value", [UNREADABLE[0], *(pytest.param(v, marks=pytest.mark.long) for v in UNREADABLE[1:])]
)
def test_the_model_before_serves_in_place_of_one_whose_row_cannot_be_read(
    value: str, prepared: Prepared, run_log: list[str]
) -> None:
    if not prepared.url.startswith("sqlite"):
        return  # PostgreSQL lets no such value in
    with connection() as opened:
        opened.exec_driver_sql(f"UPDATE model_versions SET {value} WHERE status = 'champion'")
    champion, before = prepared.models
    summary = run()
    assert summary.model_version == before.version
    assert load_bands() == prepared.expected["previous"]
    assert any(f"a readable row of model {champion.version}" in line for line in run_log)


def test_the_random_walk_serves_where_every_model_is_tampered(prepared: Prepared, run_log: list[str]) -> None:
    put(tuple(map(flip, prepared.models)))
    assert run().model_version == "random-walk"
    assert load_bands() == prepared.expected["baseline"]
    assert sum("found others (digest" in line for line in run_log) == 2


def test_one_ticker_falls_and_the_other_stays_on_the_champion(
    prepared: Prepared, run_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bound between the widths of the two, so that the narrower one fails."""
    run()
    widths = load_widths()
    (fallen, narrow), (kept, wide) = sorted(widths.items(), key=lambda item: item[1])
    monkeypatch.setenv("BANDCAST_SIMULATION__NARROWEST_BAND", str((narrow + wide) / 2))
    summary = run()
    bands = load_bands()
    assert bands[kept] == prepared.expected["champion"][kept]
    assert bands[fallen] == prepared.expected["baseline"][fallen]
    assert {row[6:] for row in bands[fallen]} == {("baseline", "random-walk")}
    assert summary.model_version == prepared.models[0].version
    assert summary.fallbacks is not None
    assert list(summary.fallbacks) == [fallen]
    assert summary.fallbacks[fallen].startswith("baseline in place of the first rung: Expected a band of")
    assert summary.plain()["fallbacks"] == dict(summary.fallbacks)
    assert any(line.startswith("forecast: Expected a band of") and fallen in line for line in run_log)
    with open_configured_store() as store:
        assert replay_run(store, str(summary.run_id)).equal


def load_widths() -> dict[str, float]:
    """Ticker -> smallest width of its calibrated band over that of the calmest random walk."""
    settings = load_settings()
    dates = read_earnings_dates(settings, open_source(settings, datetime.now(UTC)), TICKERS)
    with open_configured_store() as store:
        universe = load_universe(
            store, TICKERS, AS_OF, basis="split_adjusted", earnings=dates, calendars=STANDARD
        ).returns
    found = rows(
        "SELECT ticker, max(log_return) - min(log_return) FROM forecast_quantiles"
        f" WHERE as_of = '{AS_OF}' AND band = 'calibrated' AND level BETWEEN 0.05 AND 0.95"
        " GROUP BY ticker, horizon ORDER BY ticker, horizon"
    )
    widths: dict[str, list[float]] = {}
    for ticker, width in found:
        widths.setdefault(ticker, []).append(width)
    windows = {ticker: build_last_window(universe[ticker], leave_market_unknown()) for ticker in TICKERS}
    config = SimulationConfig(horizon=5)
    return {
        ticker: float(np.min(widths[ticker] / bracket_widths(windows[ticker], config)[0]))
        for ticker in TICKERS
    }


@pytest.mark.parametrize("kind", CALIBRATION_KINDS)
def test_a_tampered_calibration_is_learned_anew(kind: str, prepared: Prepared) -> None:
    first = run()
    assert load_bands() == prepared.expected["champion"]
    learned = rows(f"SELECT calibration_id, state, outcomes FROM calibrations WHERE as_of = '{AS_OF}'")
    ((identity, state, outcomes),) = learned
    assert outcomes > 0
    change = CALIBRATION_KINDS[kind]
    with connection() as opened:
        if change is None:
            opened.execute(sa.text("UPDATE forecast_runs SET calibration_id = NULL"))
            opened.execute(sa.text(f"DELETE FROM calibrations WHERE as_of = '{AS_OF}'"))
        else:
            update = sa.text("UPDATE calibrations SET state = :state WHERE calibration_id = :identity")
            opened.execute(update, {"state": change(json.loads(state)), "identity": identity})
    assert run().model_version == first.model_version
    assert load_bands() == prepared.expected["champion"]
    check_sound(load_bands())
    assert (
        rows(f"SELECT calibration_id, state, outcomes FROM calibrations WHERE as_of = '{AS_OF}'") == learned
    )


def test_the_documentation_lists_what_was_tried() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    for kinds, serves in (
        (MODEL_KINDS, "the model before it"),
        (CALIBRATION_KINDS, "the champion, calibrated anew"),
    ):
        listed = [
            line.split(" | ")[0].removeprefix("| ") for line in text.splitlines() if f"| {serves} |" in line
        ]
        assert listed == list(kinds)
