"""Migrations keep the rows that both schemas can hold, both ways."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from db import ModelRecord, RunRecord, Store
from db.engine import reading, writing
from db.migrate import downgrade, upgrade
from db.schema import forecast_runs
from forecasting.forecast import Forecast

COUNTED = ("model_versions", "forecast_runs", "forecasts", "forecast_quantiles")


def counts(store: Store) -> list[int | None]:
    with reading(store.engine) as connection:
        return [connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) for table in COUNTED]


def test_rows_survive_the_schema_without_outcomes_and_back(
    served: Store, run: RunRecord, forecast: Callable[..., Forecast]
) -> None:
    with served.writing() as tx:
        version = tx.models.add_baseline(run.issued_at)
        tx.forecasts.publish(tx.forecasts.prepare(run, [forecast()]))
        lowest = forecast("BBB", quality="baseline")
        tx.forecasts.publish(tx.forecasts.prepare(replace(run, run_id="r2", model_version=version), [lowest]))
    assert counts(served) == [2, 2, 6, 72]
    downgrade(served.engine, "0002")
    assert counts(served) == [1, 1, 3, 27]
    upgrade(served.engine)
    assert counts(served) == [1, 1, 3, 27]
    with reading(served.engine) as connection:
        assert set(connection.scalars(sa.select(forecast_runs.c.kind))) == {"live"}
    names = {
        check["name"] for check in sa.inspect(served.engine).get_check_constraints("comparison_quantiles")
    }
    assert len(names) == 2
    (index,) = sa.inspect(served.engine).get_indexes("model_versions")
    assert index["unique"]
    with served.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(replace(run, run_id="r3"), [forecast("CCC")]))
        assert tx.forecasts.list_run_forecasts("r3") == [("CCC", run.as_of)]
    assert counts(served) == [1, 2, 6, 63]


@pytest.mark.parametrize("wrong", ["band = 'guess'", "price_50 = -1"])
def test_the_other_checks_are_still_there(
    served: Store, run: RunRecord, forecast: Callable[..., Forecast], wrong: str
) -> None:
    with served.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(run, [forecast()]))
    with pytest.raises(sa.exc.IntegrityError), writing(served.engine) as connection:
        connection.execute(sa.text(f"UPDATE comparison_quantiles SET {wrong} WHERE band = 'random_walk'"))


def test_runs_get_the_price_basis_of_their_model(served: Store, model: ModelRecord, run: RunRecord) -> None:
    with served.writing() as tx:
        versions = ["m1", tx.models.add_baseline(run.issued_at)]
        for basis in ("split_adjusted", "total_return"):
            config = json.dumps({"edition": 2, "config": {"price_basis": basis}})
            tx.models.add(replace(model, version=basis, config=config))
            versions.append(basis)
        for version in versions:
            tx.forecasts.publish(
                tx.forecasts.prepare(replace(run, run_id=version, model_version=version), [])
            )
    downgrade(served.engine, "0003")
    columns = {column["name"] for column in sa.inspect(served.engine).get_columns("forecast_runs")}
    assert "price_basis" not in columns
    upgrade(served.engine)
    with reading(served.engine) as connection:
        query = sa.select(forecast_runs.c.run_id, forecast_runs.c.price_basis)
        found = dict(connection.execute(query).tuples().all())
    assert found == {
        "m1": "split_adjusted",
        "random-walk": "split_adjusted",
        "split_adjusted": "split_adjusted",
        "total_return": "total_return",
    }


def test_a_price_basis_is_one_of_two(served: Store, run: RunRecord) -> None:
    downgrade(served.engine, "0003")
    upgrade(served.engine)
    with pytest.raises(sa.exc.IntegrityError), served.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(replace(run, price_basis="nominal"), []))  # type: ignore[arg-type]  # the point
