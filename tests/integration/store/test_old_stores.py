"""Stores that earlier releases wrote: upgraded, they keep every row and can be read."""

import json
from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from old_stores import DUMPS, Rows, copy_to, holds, load_dump, read_rows

from db import Selection, Store, open_store, upgrade_store
from db.engine import open_engine, reading
from db.migrate import downgrade
from db.schema import metadata
from forecasting.errors import ArchitectureMismatchError, MigrationBehindError

LAST = date(2024, 6, 5)
FORECAST_ROW = ("source", "ticker", "as_of", "target_session")


@pytest.fixture(params=DUMPS, ids=lambda path: path.name.removesuffix(".sql.gz"))
def old_url(request: pytest.FixtureRequest, dialect: str, tmp_path: Path) -> str:
    """URL of a database with the schema and the rows of a dump."""
    url = load_dump(request.param, tmp_path / "old.db")
    return url if dialect == "sqlite" else copy_to(request.getfixturevalue("postgres_url"), url)


@pytest.fixture
def old_rows(old_url: str) -> Rows:
    engine = open_engine(old_url)
    rows = read_rows(engine)
    engine.dispose()
    return rows


@pytest.fixture
def upgraded(old_rows: Rows, old_url: str) -> Store:
    upgrade_store(old_url)
    (source,) = {row["source"] for row in old_rows["instruments"]}
    return open_store(old_url, source)


def test_there_is_a_store_of_each_schema_with_rows_in_every_table(old_rows: Rows) -> None:
    assert [name for name, rows in old_rows.items() if not rows] == []


def test_it_is_refused_until_it_is_upgraded(old_url: str) -> None:
    with pytest.raises(MigrationBehindError, match="run `bandcast db upgrade`"):
        open_store(old_url, "csv")
    upgrade_store(old_url)
    open_store(old_url, "csv").close()


def test_the_upgraded_schema_is_that_of_this_release(upgraded: Store) -> None:
    with upgraded, reading(upgraded.engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_every_row_is_still_there_and_on_the_way_back(upgraded: Store, old_rows: Rows) -> None:
    revision = old_rows.pop("alembic_version")[0]["version_num"]
    with upgraded:
        assert holds(read_rows(upgraded.engine), old_rows)
        downgrade(upgraded.engine, revision)
        assert holds(read_rows(upgraded.engine), old_rows)


def test_each_run_has_the_price_basis_of_its_model(upgraded: Store, old_rows: Rows) -> None:
    configs = {row["version"]: json.loads(row["config"]) for row in old_rows["model_versions"]}
    expected = {
        row["run_id"]: configs[row["model_version"]].get("config", {}).get("price_basis", "split_adjusted")
        for row in old_rows["forecast_runs"]
    }
    assert set(expected.values()) == {"split_adjusted", "total_return"}
    with upgraded, upgraded.reading() as tx:
        runs = {run_id: tx.forecasts.load_run(run_id) for run_id in expected}
    assert {run_id: run.price_basis for run_id, run in runs.items() if run} == expected


def test_each_band_has_the_source_of_its_run(upgraded: Store, old_rows: Rows) -> None:
    sources = {row["run_id"]: row["source"] for row in old_rows["forecast_runs"]}
    with upgraded:
        rows = read_rows(upgraded.engine)
    assert {(row["run_id"], row["source"]) for row in rows["forecasts"]} <= set(sources.items())
    issued = {tuple(row[name] for name in FORECAST_ROW) for row in rows["forecasts"]}
    assert {tuple(row[name] for name in FORECAST_ROW) for row in rows["forecast_quantiles"]} == issued


def test_forecasts_and_runs_can_be_read(upgraded: Store, old_rows: Rows) -> None:
    stored = {(row["ticker"], row["as_of"]) for row in old_rows["forecasts"]}
    runs = {row["run_id"]: row for row in old_rows["forecast_runs"]}
    with upgraded, upgraded.reading() as tx:
        assert tx.forecasts.load_completed(date(2024, 5, 1), LAST, 1) == stored
        latest = tx.forecasts.load_latest(until=LAST)
        assert set(latest["ticker"]) == {ticker for ticker, _ in stored}
        assert set(latest["quality"]) <= {"champion", "previous", "baseline"}
        for run_id, row in runs.items():
            run = tx.forecasts.load_run(run_id)
            assert run is not None
            assert (run.kind, run.issued_at) == (row["kind"], row["issued_at"])
        for ticker, as_of in stored:
            assert len(tx.forecasts.load_quantiles(ticker, as_of)) > 0


def test_outcomes_can_be_read(upgraded: Store, old_rows: Rows) -> None:
    scores = old_rows["verifications"]
    with upgraded, upgraded.reading() as tx:
        counts = tx.outcomes.count_by_kind()
        scorecard = tx.outcomes.compute_scorecard(
            "ticker", Selection(kinds=("live", "backfill", "walk_forward"))
        )
        closed = tx.outcomes.load_closed(LAST, date(2020, 1, 1))
        pending = [tx.outcomes.load_pending(ticker, LAST) for ticker in tx.outcomes.list_tickers()]
    assert sum(counts.values()) == sum(row["method"] == "calibrated" for row in scores)
    assert set(counts) == {"live", "backfill", "walk_forward"}
    assert scorecard["n_outcomes"].sum() == len(scores)
    assert len(closed) > 0
    assert len(pending) == len(closed["ticker"].unique())


def test_the_rest_can_be_read(upgraded: Store, old_rows: Rows) -> None:
    with upgraded, upgraded.reading() as tx:
        assert len(tx.prices.list_holdings()) == len(old_rows["instruments"])
        assert sum(holding.bars for holding in tx.prices.list_holdings()) == len(old_rows["price_bars"])
        actions = [tx.prices.load(holding.ticker).actions for holding in tx.prices.list_holdings()]
        assert sum(map(len, actions)) == len(old_rows["corporate_actions"])
        assert len(tx.promotions.list()) == len(old_rows["gate_decisions"])
        assert len(tx.models.list(all_sources=True)) == len(old_rows["model_versions"])
        assert tx.calibrations.load_newest(LAST) is not None
        assert tx.quarantines.list_newest()
        assert len(tx.quarantines.load_skipped(date(2024, 5, 1), LAST)) == len(old_rows["quarantines"])


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_its_models_load_or_are_refused_in_one_sentence(upgraded: Store, old_rows: Rows) -> None:
    versions = [row["version"] for row in old_rows["model_versions"]]
    with upgraded:
        refusals = {version: refusal for version in versions if (refusal := refuse(upgraded, version))}
    assert "random-walk" in refusals
    for version, refusal in refusals.items():
        assert refusal.startswith(f"Expected the weights of model {version} to fit the network")
        assert "\n" not in refusal


def refuse(store: Store, version: str) -> str | None:
    """Return the sentence of a model that cannot be rebuilt."""
    try:
        store.load_model(version)
    except ArchitectureMismatchError as error:
        return str(error)
    return None
