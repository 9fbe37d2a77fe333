"""Keep the quantiles of a band in one row, and show them as before in a view."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from db.migrations.quantile_views import FORECAST_QUANTILES_16, LEVEL_NAMES_16
from db.migrations.views import (
    ALL_PINBALL_BY_LEVEL_8,
    CONTRACT_VERSION_12,
    CONTRACT_VERSION_16,
    PINBALL_BY_LEVEL_8,
)

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_READERS = {"all_pinball_by_level": ALL_PINBALL_BY_LEVEL_8, "pinball_by_level": PINBALL_BY_LEVEL_8}
_FORECAST_ROW = ("source", "ticker", "as_of", "target_session")
_WIDE_KEY = ("source", "ticker", "as_of", "band", "target_session")
_KEY = ", ".join(_WIDE_KEY)
_LONG = f"{_KEY}, horizon, level, log_return, price"
_LISTED = ", ".join(map(str, LEVEL_NAMES_16))
_PRICES = [f"price_{name}" for name in LEVEL_NAMES_16.values()]
_BANDS = "band IN ('mc_dropout', 'predictive', 'calibrated', 'random_walk')"


def upgrade() -> None:
    _drop_readers()
    _create_wide()
    _create_long("unlisted_quantiles", [*_WIDE_KEY, "level"])
    op.execute(f"""
        INSERT INTO band_quantiles ({_KEY}, horizon, {", ".join(_list_columns())})
        SELECT {_KEY}, MAX(horizon), {", ".join(_pivot())} FROM forecast_quantiles
        GROUP BY {_KEY} ORDER BY {_KEY}
    """)
    op.execute(f"""
        INSERT INTO unlisted_quantiles ({_LONG})
        SELECT {_LONG} FROM forecast_quantiles WHERE level NOT IN ({_LISTED})
    """)
    op.drop_table("forecast_quantiles")
    op.execute(FORECAST_QUANTILES_16)
    _create_readers(CONTRACT_VERSION_16)


def downgrade() -> None:
    _drop_readers()
    op.execute("DROP VIEW forecast_quantiles")
    _create_long("forecast_quantiles", [*_FORECAST_ROW, "band", "level"])
    select = FORECAST_QUANTILES_16.partition(" AS\n")[2]
    op.execute(f"INSERT INTO forecast_quantiles ({_LONG}) SELECT {_LONG} FROM ({select}) long")
    op.drop_table("unlisted_quantiles")
    op.drop_table("band_quantiles")
    _create_readers(CONTRACT_VERSION_12)


def _drop_readers() -> None:
    for view in ("contract_version", *reversed(_READERS)):
        op.execute(f"DROP VIEW {view}")


def _create_readers(contract_version: str) -> None:
    for text in (*_READERS.values(), contract_version):
        op.execute(text)


def _list_columns() -> Iterator[str]:
    for name in LEVEL_NAMES_16.values():
        yield from (f"log_return_{name}", f"price_{name}")


def _pivot() -> Iterator[str]:
    """Yield an aggregate for each wide column: of the one row that has its level."""
    for level in LEVEL_NAMES_16:
        yield from (f"MAX(CASE WHEN level = {level} THEN {name} END)" for name in ("log_return", "price"))


def _create_wide() -> None:
    table, median = "band_quantiles", LEVEL_NAMES_16[0.5]
    bounds = " AND ".join(f"{price} > 0 AND {price} < 1e12" for price in _PRICES)
    op.create_table(
        table,
        *_key_columns(),
        *(sa.Column(name, sa.Double, nullable=not name.endswith(f"_{median}")) for name in _list_columns()),
        *_constraints(table, list(_WIDE_KEY)),
        sa.CheckConstraint(bounds, name=op.f(f"ck_{table}_price_bounds")),
        sqlite_with_rowid=False,
    )


def _create_long(table: str, key: list[str]) -> None:
    op.create_table(
        table,
        *_key_columns(),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("level", "log_return", "price")),
        *_constraints(table, key),
        sa.CheckConstraint("level > 0 AND level < 1", name=op.f(f"ck_{table}_level_bounds")),
        sa.CheckConstraint("price > 0 AND price < 1e12", name=op.f(f"ck_{table}_price_bounds")),
        sqlite_with_rowid=False,
    )


def _key_columns() -> list[sa.Column[Any]]:
    kinds: dict[str, sa.types.TypeEngine[Any]] = {"as_of": sa.Date(), "target_session": sa.Date()}
    columns = [sa.Column(name, kinds.get(name) or sa.String(), nullable=False) for name in _WIDE_KEY]
    return [*columns, sa.Column("horizon", sa.Integer, nullable=False)]


def _constraints(table: str, key: list[str]) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            _FORECAST_ROW,
            [f"forecasts.{name}" for name in _FORECAST_ROW],
            name=op.f(f"fk_{table}_forecasts"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(_BANDS, name=op.f(f"ck_{table}_band")),
    ]
