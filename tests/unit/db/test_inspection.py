"""A schema that was changed by hand is distinguished from that of the migrations."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from shown_rows import SHOWN

from db import inspect_store, upgrade_store
from db.engine import open_engine, writing
from db.inspection import find_differences
from db.schema.views import VIEWS
from forecasting.errors import StoreError

# Those that others are made of go last.
DROP_VIEWS = tuple(
    f"DROP VIEW {name}"
    for name in sorted(
        (view.name for view in VIEWS), key=lambda name: (name in SHOWN, name.startswith("all_"))
    )
)


def change(engine: sa.Engine, *statements: str) -> None:
    with writing(engine, alters_schema=True) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_what_the_migrations_made_differs_in_nothing(engine: sa.Engine) -> None:
    assert find_differences(engine) == []


def test_tables_and_views_of_others_are_no_difference(engine: sa.Engine) -> None:
    change(engine, "CREATE TABLE theirs (x INTEGER)", "CREATE VIEW their_view AS SELECT * FROM theirs")
    assert find_differences(engine) == []


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (("DROP TABLE earnings_dates",), "table earnings_dates is missing"),
        (("DROP VIEW coverage_by_horizon",), "view coverage_by_horizon is missing"),
        (
            ("DROP VIEW coverage_by_horizon", "CREATE VIEW coverage_by_horizon AS SELECT 1 AS horizon"),
            "view coverage_by_horizon has no source, band",
        ),
        (
            ("ALTER TABLE forecast_runs DROP COLUMN settings",),
            "column forecast_runs.settings is missing",
        ),
        (
            ("ALTER TABLE quarantines ADD COLUMN note VARCHAR",),
            "column quarantines.note is not of this release",
        ),
    ],
)
def test_each_change_is_named(engine: sa.Engine, statements: tuple[str, ...], found: str) -> None:
    drops = DROP_VIEWS if "DROP COLUMN" in statements[0] else ()
    change(engine, *drops, *statements)
    assert any(sentence.startswith(found) for sentence in find_differences(engine))


def test_an_upgrade_and_an_inspection_tell_a_changed_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    upgrade_store(url)
    assert inspect_store(url).differences == ()
    engine = open_engine(url)
    change(engine, "DROP VIEW latest_forecast")
    engine.dispose()
    assert inspect_store(url).differences == ("view latest_forecast is missing",)
    with pytest.raises(StoreError, match="found that view latest_forecast is missing; restore"):
        upgrade_store(url)
