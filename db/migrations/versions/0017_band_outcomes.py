"""Keep the outcome of a forecast and the scores of all its bands in one row, and show them in a view."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from db.migrations.condition_views import ALL_COVERAGE_BY_CONDITION_13, COVERAGE_BY_CONDITION_13
from db.migrations.outcome_views import (
    ALL_COVERAGE_BY_CONDITION_17,
    ALL_COVERAGE_BY_HORIZON_17,
    ALL_COVERAGE_BY_TICKER_17,
    ALL_PINBALL_BY_LEVEL_17,
    BANDS_17,
    FORECAST_WITH_OUTCOME_17,
    VERIFICATIONS_17,
    VERIFICATIONS_ON_SQLITE_17,
)
from db.migrations.views import (
    ALL_COVERAGE_BY_HORIZON_8,
    ALL_COVERAGE_BY_TICKER_8,
    ALL_PINBALL_BY_LEVEL_8,
    COVERAGE_BY_HORIZON_8,
    COVERAGE_BY_HORIZON_12,
    COVERAGE_BY_TICKER_8,
    COVERAGE_BY_TICKER_12,
    FORECAST_WITH_OUTCOME_8,
    PINBALL_BY_LEVEL_8,
)

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_BEFORE = {
    "forecast_with_outcome": FORECAST_WITH_OUTCOME_8,
    "all_coverage_by_horizon": ALL_COVERAGE_BY_HORIZON_8,
    "all_coverage_by_ticker": ALL_COVERAGE_BY_TICKER_8,
    "all_coverage_by_condition": ALL_COVERAGE_BY_CONDITION_13,
    "all_pinball_by_level": ALL_PINBALL_BY_LEVEL_8,
}
_AFTER = {
    "forecast_with_outcome": FORECAST_WITH_OUTCOME_17,
    "all_coverage_by_horizon": ALL_COVERAGE_BY_HORIZON_17,
    "all_coverage_by_ticker": ALL_COVERAGE_BY_TICKER_17,
    "all_coverage_by_condition": ALL_COVERAGE_BY_CONDITION_17,
    "all_pinball_by_level": ALL_PINBALL_BY_LEVEL_17,
}
_VERIFICATIONS = {"verifications": (VERIFICATIONS_17, VERIFICATIONS_ON_SQLITE_17)}
_READERS = {  # of these views; their texts are as before
    "coverage_by_horizon": (COVERAGE_BY_HORIZON_8, COVERAGE_BY_HORIZON_12),
    "coverage_by_ticker": (COVERAGE_BY_TICKER_8, COVERAGE_BY_TICKER_12),
    "coverage_by_condition": (COVERAGE_BY_CONDITION_13, COVERAGE_BY_CONDITION_13),
    "pinball_by_level": (PINBALL_BY_LEVEL_8, PINBALL_BY_LEVEL_8),
}
_KEY = ("source", "ticker", "as_of", "target_session", "kind")
_SHARED = ("horizon", "quality", "regime", "reports_ahead")
_FACTS = ("actual_log_return", "actual_close", "scored_at")
_COMPARED = ("compared_log_return", "compared_close", "compared_at")
_SCORES = {"lower": "lower", "median": "median", "upper": "upper", "miss": "above - below", "crps": "crps"}
_MISSES = [f"{band}_miss" for band in BANDS_17]
_ORDERED = "{band}_lower <= {band}_median AND {band}_median <= {band}_upper AND {band}_miss BETWEEN -1 AND 1"
_WORDS = {
    "method": BANDS_17,
    "kind": ("live", "backfill", "walk_forward"),
    "quality": ("champion", "previous", "baseline"),
    "regime": ("calm", "normal", "stress"),
}


def upgrade() -> None:
    _drop_views(*_READERS, *_BEFORE)
    _create_wide()
    op.execute(f"""
        INSERT INTO band_outcomes ({", ".join(_pivot())})
        SELECT {", ".join(_pivot().values())} FROM verifications
        GROUP BY {", ".join(_KEY)} ORDER BY {", ".join(_KEY)}
    """)
    _drop_repeated_facts()
    op.drop_table("verifications")
    op.create_index(
        "ix_band_outcomes_misses",
        "band_outcomes",
        ["source", "kind", "target_session", "ticker", "as_of", "horizon", *_MISSES],
    )
    _create_views(_VERIFICATIONS)
    _create_views(_AFTER)
    _create_views(_READERS)


def downgrade() -> None:
    _drop_views(*_READERS, *_AFTER, *_VERIFICATIONS)
    _create_long()
    names = ", ".join(_list_long())
    select = VERIFICATIONS_17.partition(" AS\n")[2]
    op.execute(f"INSERT INTO verifications ({names}) SELECT {names} FROM ({select}) long")
    op.drop_table("band_outcomes")
    is_served = sa.text("method = 'calibrated'")
    op.create_index(
        "ix_verifications_calibrated",
        "verifications",
        ["kind", "target_session", "inside", "source", "ticker", "as_of", "horizon"],
        sqlite_where=is_served,
        postgresql_where=is_served,
    )
    _create_views(_BEFORE)
    _create_views(_READERS)


def _drop_views(*views: str) -> None:
    for view in views:
        op.execute(f"DROP VIEW {view}")


def _create_views(views: dict[str, str] | dict[str, tuple[str, str]]) -> None:
    """Create views from one text each, or from one for PostgreSQL and another for SQLite."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for texts in views.values():
        op.execute(texts if isinstance(texts, str) else texts[is_sqlite])


def _pivot() -> dict[str, str]:
    """Return each column of the wide table -> its aggregate over the bands of a forecast."""
    shared = {**{name: name for name in (*_SHARED, *_FACTS)}, "nominal_coverage": "nominal"}
    compared = dict(zip(_COMPARED, _FACTS, strict=True))
    scores = {f"{band}_{name}": _of_band(band, old) for band in BANDS_17 for name, old in _SCORES.items()}
    return {
        **{name: name for name in _KEY},
        **{name: _first_known(old, BANDS_17) for name, old in shared.items()},
        **{name: _first_known(old, BANDS_17[1:]) for name, old in compared.items()},
        **scores,
    }


def _of_band(band: str, column: str) -> str:
    return f"MAX(CASE WHEN method = '{band}' THEN {column} END)"


def _first_known(column: str, bands: tuple[str, ...]) -> str:
    return f"COALESCE({', '.join(_of_band(band, column) for band in bands)})"


def _drop_repeated_facts() -> None:
    """Keep the facts that the comparison bands were scored with only where they are other ones."""
    same = " AND ".join(
        f"({compared} = {fact} OR ({compared} IS NULL AND {fact} IS NULL))"
        for compared, fact in zip(_COMPARED, _FACTS, strict=True)
    )
    nothing = ", ".join(f"{name} = NULL" for name in _COMPARED)
    op.execute(f"UPDATE band_outcomes SET {nothing} WHERE {same}")


def _create_wide() -> None:
    table = "band_outcomes"
    op.create_table(
        table,
        *_key_columns(*_KEY),
        *_fact_columns(),
        _required("nominal_coverage", sa.Double()),
        _required("actual_log_return", sa.Double()),
        sa.Column("actual_close", sa.Double),
        _required("scored_at", sa.DateTime(timezone=True)),
        sa.Column("compared_log_return", sa.Double),
        sa.Column("compared_close", sa.Double),
        sa.Column("compared_at", sa.DateTime(timezone=True)),
        *(
            sa.Column(f"{band}_{name}", sa.Integer if name == "miss" else sa.Double)
            for band in BANDS_17
            for name in _SCORES
        ),
        *_list_words(table, "kind", "quality", "regime"),
        _check(table, "nominal_bounds", "nominal_coverage > 0 AND nominal_coverage < 1"),
        *(_check(table, band, _ORDERED.format(band=band)) for band in BANDS_17),
        sa.PrimaryKeyConstraint(*_KEY, name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def _create_long() -> None:
    table, key = "verifications", (*_KEY[:-1], "method", "kind")
    op.create_table(
        table,
        *_key_columns(*key),
        *_fact_columns(),
        *(_required(name, sa.Double()) for name in ("nominal", "lower", "median", "upper")),
        _required("actual_log_return", sa.Double()),
        *(_required(name, sa.Integer()) for name in ("inside", "below", "above")),
        sa.Column("crps", sa.Double),
        *(_required(name, sa.Double()) for name in ("winkler", "pinball_lower", "pinball_upper")),
        _required("scored_at", sa.DateTime(timezone=True)),
        sa.Column("actual_close", sa.Double),
        *_list_words(table, "method", "kind", "quality", "regime"),
        _check(table, "one_of_three", "inside + below + above = 1"),
        _check(table, "ordered", "lower <= median AND median <= upper"),
        _check(table, "nominal_bounds", "nominal > 0 AND nominal < 1"),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )


def _list_long() -> Iterator[str]:
    yield from (*_KEY[:-1], "method", "kind", *_SHARED, "nominal", "lower", "median", "upper")
    yield from ("actual_log_return", "inside", "below", "above", "crps", "winkler")
    yield from ("pinball_lower", "pinball_upper", "scored_at", "actual_close")


def _key_columns(*names: str) -> list[sa.Column[Any]]:
    kinds: dict[str, sa.types.TypeEngine[Any]] = {"as_of": sa.Date(), "target_session": sa.Date()}
    return [_required(name, kinds.get(name) or sa.String()) for name in names]


def _fact_columns() -> list[sa.Column[Any]]:
    return [
        _required("horizon", sa.Integer()),
        _required("quality", sa.String()),
        sa.Column("regime", sa.String),
        sa.Column("reports_ahead", sa.Integer),
    ]


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _list_words(table: str, *columns: str) -> list[sa.CheckConstraint]:
    """Build the CHECK of each column that holds one of some words."""
    listed = {name: ", ".join(f"'{word}'" for word in _WORDS[name]) for name in columns}
    return [_check(table, name, f"{name} IN ({words})") for name, words in listed.items()]
