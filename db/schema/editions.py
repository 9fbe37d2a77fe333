"""Tables of the editions that a reissue adds to live forecasts; the first of each is in `forecasts`."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Date, Double, Integer, String, Table

from db.schema.base import metadata
from db.schema.forecasts import check_forecasts, forecasts

_KEY = ("source", "ticker", "as_of", "edition", "target_session")


def _key_columns() -> list[Column[Any]]:
    return [
        Column("source", String, primary_key=True, comment="Price source: yahoo, csv or sample"),
        Column("ticker", String, primary_key=True, comment="Symbol, as Yahoo writes it"),
        Column("as_of", Date, primary_key=True, comment="Session whose close is the anchor"),
        Column("edition", Integer, primary_key=True, comment="2 for the first reissue, and so on"),
        Column("target_session", Date, primary_key=True, comment="Session that is forecast"),
    ]


forecast_editions = Table(
    "forecast_editions",
    metadata,
    *_key_columns(),
    *(
        Column(c.name, c.type, nullable=c.nullable, comment=c.comment)
        for c in forecasts.c
        if c.name not in _KEY
    ),
    sa.ForeignKeyConstraint(["model_version"], ["model_versions.version"]),
    sa.ForeignKeyConstraint(["run_id"], ["forecast_runs.run_id"]),
    *check_forecasts(),
    CheckConstraint("edition > 1", name="edition_later"),
    comment="Editions of live bands that a reissue has added: no score and no coverage counts them",
)

edition_quantiles = Table(
    "edition_quantiles",
    metadata,
    *_key_columns(),
    Column("horizon", Integer, nullable=False, comment="Sessions after as_of"),
    Column("level", Double, primary_key=True, comment="Quantile level, such as 0.05, rounded to 6 digits"),
    Column("log_return", Double, nullable=False, comment="Cumulative log return since as_of"),
    Column("price", Double, nullable=False, comment="Price in the units of as_of"),
    sa.ForeignKeyConstraint(list(_KEY), [f"forecast_editions.{name}" for name in _KEY], ondelete="CASCADE"),
    CheckConstraint("level > 0 AND level < 1", name="level_bounds"),
    CheckConstraint("price > 0 AND price < 1e12", name="price_bounds"),
    comment="Quantiles of the calibrated bands of each edition after the first",
)
