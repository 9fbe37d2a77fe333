"""Universe of each source: who belongs to it, and the columns of its newest bands."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from db.repositories.editions import FIRST_EDITION, select_newest_edition
from db.repositories.forecast_rows import Publication
from db.schema import (
    forecast_editions,
    forecast_runs,
    forecasts,
    instruments,
    latest_forecast,
    universes,
)
from db.sql import upsert


def save_universe(connection: sa.Connection, publication: Publication) -> None:
    """Store which tickers a run has forecast or left out; an older session leaves the newest one.

    Args:
        connection: A writing connection.
        publication: What the run publishes.
    """
    run, columns = publication.run, universes.c
    query = sa.select(columns.ticker, columns.as_of).where(columns.source == run.source)
    known = dict(connection.execute(query).tuples().all())
    issued = {forecast.ticker for forecast in publication.issued}
    rows = [
        {
            "source": run.source,
            "ticker": ticker,
            "as_of": max(run.as_of, known.get(ticker, run.as_of)),
            "age_sessions": publication.ages.get(ticker),
        }
        for ticker in sorted(issued | set(json.loads(run.quarantined)))
    ]
    upsert(connection, universes, rows, guarded=("as_of", "age_sessions"))


def select_universe(source: str) -> sa.Select[tuple[str]]:
    """Select the tickers that the runs of a source's newest session have forecast or left out."""
    own, other = universes.c, universes.alias("other").c
    newest = sa.select(sa.func.max(other.as_of)).where(other.source == source)
    return sa.select(own.ticker).where((own.source == source) & (own.as_of == newest.scalar_subquery()))


def select_sessions(source: str, session: sa.ColumnElement[date]) -> sa.Select[tuple[str, date]]:
    """Select each ticker with a session of its forecasts, null without any.

    One look into the key of `forecasts` a ticker, however long the history.

    Args:
        source: The source.
        session: The least or the greatest `forecasts.as_of`.
    """
    member = universes.c
    is_same = (forecasts.c.source == member.source) & (forecasts.c.ticker == member.ticker)
    found = sa.select(session).where(is_same).correlate(universes).scalar_subquery()
    return sa.select(member.ticker, found.label("as_of")).where(member.source == source)


def join_newest(
    query: sa.Select[Any],
    source: str,
    tickers: Sequence[str] | None,
    *,
    until: date | None,
    table: sa.Table = forecasts,
) -> sa.Select[Any]:
    """Restrict a query to the rows that belong to the newest `as_of` of each ticker in `forecasts`.

    Args:
        query: Of rows of a table.
        source: Of the forecasts.
        tickers: Which, None for the universe, or for all if `until` is given.
        until: The newest up to this session, None for the newest of all.
        table: `forecasts` or `forecast_editions`.
    """
    session = forecasts.c.as_of if until is None else sa.case((forecasts.c.as_of <= until, forecasts.c.as_of))
    chosen = select_sessions(source, sa.func.max(session))
    if tickers is not None:
        chosen = chosen.where(universes.c.ticker.in_(tickers))
    elif until is None:
        chosen = chosen.where(universes.c.ticker.in_(select_universe(source)))
    newest = chosen.subquery("newest")
    row = table.c
    is_newest = (row.source == source) & (row.ticker == newest.c.ticker) & (row.as_of == newest.c.as_of)
    return query.join(newest, is_newest)


def select_latest(source: str, tickers: Sequence[str] | None, *, until: date | None) -> sa.Select[Any]:
    """Select the newest edition of the newest bands of each ticker, in the columns of `latest_forecast`.

    Args:
        source: Of the forecasts.
        tickers: As of `join_newest`.
        until: As of `join_newest`; bands of a given session have no age.
    """
    first, later = (
        join_newest(_select_bands(table, with_age=until is None), source, tickers, until=until, table=table)
        for table in (forecasts, forecast_editions)
    )
    newest = sa.union_all(
        first.where(select_newest_edition(forecasts).is_(None)),
        later.where(forecast_editions.c.edition == select_newest_edition(forecast_editions)),
    )
    return sa.select(newest.subquery("newest_editions"))


def _select_bands(table: sa.Table, *, with_age: bool) -> sa.Select[Any]:
    """Select the columns of view `latest_forecast` from a table of bands, for any session and edition."""
    row, run, member, instrument = table.c, forecast_runs.c, universes.c, instruments.c
    first_edition = sa.literal_column(str(FIRST_EDITION), sa.Integer).label("edition")
    age = member.age_sessions if with_age else sa.null().label("age_sessions")
    other = {
        "kind": run.kind,
        "age_sessions": age,
        "currency": instrument.currency,
        "name": instrument.name,
        "nominal_coverage": row.coverage.label("nominal_coverage"),
        "edition": row.get("edition", first_edition),
    }
    is_member = (member.source == row.source) & (member.ticker == row.ticker)
    is_instrument = (instrument.source == row.source) & (instrument.ticker == row.ticker)
    return (
        sa.select(*(other[c.name] if c.name in other else row[c.name] for c in latest_forecast.c))
        .select_from(table)
        .join(forecast_runs, run.run_id == row.run_id)
        .outerjoin(universes, is_member)
        .outerjoin(instruments, is_instrument)
    )
