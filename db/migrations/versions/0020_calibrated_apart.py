"""Keep calibrated quantiles apart from those for comparison, and the odds of a horizon in one row."""

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from db.migrations.condition_views import (
    ALL_DRAWDOWNS_BY_LEVEL_13,
    ALL_TOUCHES_BY_TENTH_13,
    DRAWDOWNS_BY_LEVEL_13,
    TOUCHES_BY_TENTH_13,
)
from db.migrations.long_views import (
    ALL_PINBALL_BY_LEVEL_20,
    ALL_PINBALL_BY_LEVEL_ON_SQLITE_20,
    COMPARISON_LEVELS_20,
    FORECAST_QUANTILES_20,
    FORECAST_QUANTILES_ON_SQLITE_20,
    ODDS_20,
    PATH_ODDS_20,
    PATH_ODDS_ON_SQLITE_20,
)
from db.migrations.outcome_views import ALL_PINBALL_BY_LEVEL_17
from db.migrations.quantile_views import FORECAST_QUANTILES_16, LEVEL_NAMES_16
from db.migrations.views import PINBALL_BY_LEVEL_8

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_QUANTILES = (FORECAST_QUANTILES_20, FORECAST_QUANTILES_ON_SQLITE_20)
_ODDS = (PATH_ODDS_20, PATH_ODDS_ON_SQLITE_20)
_PINBALL = (ALL_PINBALL_BY_LEVEL_20, ALL_PINBALL_BY_LEVEL_ON_SQLITE_20)
_READERS = {  # a view on another one follows it
    "pinball_by_level": PINBALL_BY_LEVEL_8,
    "all_touches_by_tenth": ALL_TOUCHES_BY_TENTH_13,
    "touches_by_tenth": TOUCHES_BY_TENTH_13,
    "all_drawdowns_by_level": ALL_DRAWDOWNS_BY_LEVEL_13,
    "drawdowns_by_level": DRAWDOWNS_BY_LEVEL_13,
}
_ROW = ("source", "ticker", "as_of", "target_session")
_BAND_ROW = ("source", "ticker", "as_of", "band", "target_session")
_LONG = (*_BAND_ROW, "horizon", "level", "log_return", "price")
_AHEAD = ["horizon > 0"]
_ODDS_ROW = ("source", "ticker", "as_of", "horizon")
_LONG_ODDS = (*_ODDS_ROW, "statistic", "level", "value")
_COMPARISONS = "'mc_dropout', 'predictive', 'random_walk'"
_TEXTS = ("source", "ticker", "band", "statistic")
_KINDS: dict[str, sa.types.TypeEngine[Any]] = {
    **dict.fromkeys(_TEXTS, sa.String()),
    **dict.fromkeys(("as_of", "target_session"), sa.Date()),
    "horizon": sa.Integer(),
}


def upgrade() -> None:
    _drop_readers()
    _split_quantiles()
    _widen_odds()
    _create_readers(_choose(_PINBALL))


def downgrade() -> None:
    _drop_readers()
    _join_quantiles()
    _lengthen_odds()
    _create_readers(ALL_PINBALL_BY_LEVEL_17)


def _split_quantiles() -> None:
    op.execute("DROP VIEW forecast_quantiles")
    tables = (
        ("calibrated_quantiles", _ROW, tuple(LEVEL_NAMES_16), "="),
        ("comparison_quantiles", _BAND_ROW, COMPARISON_LEVELS_20, "<>"),
    )
    for table, key, levels, compared in tables:
        columns = tuple(_name_columns(levels))
        is_band = [f"band IN ({_COMPARISONS})"] if "band" in key else []
        _create(table, key, columns, _ROW, band=is_band, price_bounds=_bound_prices(columns))
        names = ", ".join((*key, *columns))
        op.execute(f"""
            INSERT INTO {table} ({names})
            SELECT {names} FROM band_quantiles WHERE band {compared} 'calibrated' ORDER BY {", ".join(key)}
        """)
    for level, name in LEVEL_NAMES_16.items():  # those that earlier releases let a setting choose
        if level not in COMPARISON_LEVELS_20:
            op.execute(f"""
                INSERT INTO unlisted_quantiles ({", ".join(_LONG)})
                SELECT {", ".join(_BAND_ROW)}, horizon, {level}, log_return_{name}, price_{name}
                FROM band_quantiles WHERE band <> 'calibrated' AND log_return_{name} IS NOT NULL
            """)
    op.drop_table("band_quantiles")
    op.execute(_choose(_QUANTILES))


def _join_quantiles() -> None:
    op.execute("DROP VIEW forecast_quantiles")
    table, columns, key = "band_quantiles", tuple(_name_columns(LEVEL_NAMES_16)), ", ".join(_BAND_ROW)
    is_band = [f"band IN ('calibrated', {_COMPARISONS})"]
    _create(table, _BAND_ROW, ("horizon", *columns), _ROW, band=is_band, price_bounds=_bound_prices(columns))
    values = ", ".join(
        f"MAX(CASE WHEN level = {level} THEN {column} END)"
        for level in LEVEL_NAMES_16
        for column in ("log_return", "price")
    )
    op.execute(f"""
        INSERT INTO {table} ({key}, horizon, {", ".join(columns)})
        SELECT {key}, MAX(horizon), {values} FROM ({_select(_QUANTILES)}) long
        GROUP BY {key} ORDER BY {key}
    """)
    op.execute(f"DELETE FROM unlisted_quantiles WHERE level IN ({', '.join(map(str, LEVEL_NAMES_16))})")
    op.drop_table("comparison_quantiles")
    op.drop_table("calibrated_quantiles")
    op.execute(FORECAST_QUANTILES_16)


def _widen_odds() -> None:
    columns = tuple(ODDS_20.values())
    bounds = [" AND ".join(f"{name} BETWEEN 0 AND 1" for name in columns)]
    _create("forecast_odds", _ODDS_ROW, columns, _ODDS_ROW, horizon_bounds=_AHEAD, value_bounds=bounds)
    _create_long_odds("unlisted_odds")
    conditions = [f"statistic = '{statistic}' AND level = {level}" for statistic, level in ODDS_20]
    values = ", ".join(f"MAX(CASE WHEN {condition} THEN value END)" for condition in conditions)
    key, names = ", ".join(_ODDS_ROW), ", ".join(_LONG_ODDS)
    op.execute(f"""
        INSERT INTO forecast_odds ({key}, {", ".join(columns)})
        SELECT {key}, {values} FROM path_odds GROUP BY {key} ORDER BY {key}
    """)
    is_listed = " OR ".join(f"({condition})" for condition in conditions)
    op.execute(f"INSERT INTO unlisted_odds ({names}) SELECT {names} FROM path_odds WHERE NOT ({is_listed})")
    op.drop_table("path_odds")
    op.execute(_choose(_ODDS))


def _lengthen_odds() -> None:
    op.execute("DROP VIEW path_odds")
    _create_long_odds("path_odds")
    names, key = ", ".join(_LONG_ODDS), ", ".join(_LONG_ODDS[:-1])
    op.execute(f"""
        INSERT INTO path_odds ({names}) SELECT {names} FROM ({_select(_ODDS)}) long ORDER BY {key}
    """)
    op.drop_table("unlisted_odds")
    op.drop_table("forecast_odds")


def _create_long_odds(table: str) -> None:
    _create(
        table,
        _LONG_ODDS[:-1],
        ("value",),
        _ODDS_ROW,
        horizon_bounds=_AHEAD,
        level_bounds=["level > -1"],
        value_bounds=["value >= 0 AND value <= 1"],
        statistic=["statistic IN ('touch', 'drawdown')"],
    )


def _create(
    table: str,
    key: tuple[str, ...],
    columns: tuple[str, ...],
    forecast: tuple[str, ...],
    **checks: list[str],
) -> None:
    """Create a table that goes with the forecasts whose key it has; a check of no condition is none."""
    required = (*key, "horizon", "value", "log_return_50", "price_50")
    op.create_table(
        table,
        *(
            sa.Column(name, _KINDS.get(name) or sa.Double(), nullable=name not in required)
            for name in (*key, *columns)
        ),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            forecast,
            [f"forecasts.{name}" for name in forecast],
            name=op.f(f"fk_{table}_forecasts"),
            ondelete="CASCADE",
        ),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
            for name, conditions in checks.items()
            for condition in conditions
        ),
        sqlite_with_rowid=False,
    )


def _choose(texts: tuple[str, str]) -> str:
    return texts[op.get_bind().dialect.name == "sqlite"]


def _select(texts: tuple[str, str]) -> str:
    return _choose(texts).partition(" AS\n")[2]


def _name_columns(levels: Iterable[float]) -> Iterator[str]:
    for level in levels:
        yield from (f"log_return_{LEVEL_NAMES_16[level]}", f"price_{LEVEL_NAMES_16[level]}")


def _bound_prices(columns: Iterable[str]) -> list[str]:
    prices = (name for name in columns if name.startswith("price"))
    return [" AND ".join(f"{price} > 0 AND {price} < 1e12" for price in prices)]


def _drop_readers() -> None:
    for view in (*reversed(_READERS), "all_pinball_by_level"):
        op.execute(f"DROP VIEW {view}")


def _create_readers(all_pinball_by_level: str) -> None:
    for text in (all_pinball_by_level, *_READERS.values()):
        op.execute(text)
