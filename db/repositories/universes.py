"""Universe of each source: who belongs to it, and the columns of its newest bands."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
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
from forecasting.calendars.exchanges import calendar_name
from forecasting.errors import UnknownExchangeError

LONGEST_ABSENCE = timedelta(days=14)  # more than the longest holidays of an exchange


@dataclass(frozen=True)
class Member:
    """A ticker that a source has forecast or left out at some time.

    Attributes:
        as_of: Newest session of a run that had it.
        exchange: Code of its calendar; None where no exchange is known.
        companions: Exchanges that all its runs had, its own among them; empty where not known.
        in_universe: True if it belongs to the universe, by its own runs alone.
        age_sessions: Sessions closed after its newest band.
    """

    as_of: date
    exchange: str | None
    companions: frozenset[str] = frozenset()
    in_universe: bool = True
    age_sessions: int | None = None


def find_universe(
    members: Mapping[str, Member], exchanges: Collection[str], session: date, *, listed: Collection[str]
) -> set[str]:
    """Return the universe of a source after a run: the tickers of the newest run of each exchange.

    Exchanges may have separate runs. So a run takes out the tickers that it lacks of its own exchanges,
    and those of exchanges that it was always forecast with; others once they had no run for two weeks.

    Args:
        members: Every ticker of the source, those of the run as it leaves them.
        exchanges: Of the run.
        session: Of the run.
        listed: Configured tickers; a run with fewer takes none of them out.
    """
    newest: dict[str | None, date] = {}
    for member in members.values():
        newest[member.exchange] = max(member.as_of, newest.get(member.exchange, member.as_of))
    last = max(newest.values(), default=session)
    newest[None] = last
    return {
        ticker
        for ticker, member in members.items()
        if member.in_universe
        and last - member.as_of <= LONGEST_ABSENCE
        and (ticker in listed or not _has_left(member, newest[member.exchange], exchanges, session=session))
    }


def _has_left(member: Member, newest: date, exchanges: Collection[str], *, session: date) -> bool:
    """Return whether a newer run of its exchange, or of those that its own runs had, has been without it."""
    return member.as_of < newest or (member.as_of < session and not member.companions.isdisjoint(exchanges))


def save_universe(connection: sa.Connection, publication: Publication, ages: Mapping[str, int]) -> None:
    """Store which tickers a run has forecast or left out, and who belongs to the universe from now on.

    Args:
        connection: A writing connection.
        publication: What the run publishes; an older session leaves the newest one.
        ages: Ticker -> sessions of its exchange that have closed after its newest band.
    """
    run, known = publication.run, _load_members(connection, publication.run.source)
    tickers = {forecast.ticker for forecast in publication.issued} | set(json.loads(run.quarantined))
    of_run = {ticker: known.get(ticker) or Member(run.as_of, _find_exchange(ticker)) for ticker in tickers}
    exchanges = frozenset(member.exchange for member in of_run.values() if member.exchange)
    members = known | {
        ticker: _include(member, run.as_of, exchanges=exchanges) for ticker, member in of_run.items()
    }
    universe = find_universe(members, exchanges, run.as_of, listed=publication.listed)
    rows = [
        {
            "source": run.source,
            "ticker": ticker,
            "as_of": member.as_of,
            "age_sessions": ages.get(ticker, None if ticker in of_run else member.age_sessions),
            "in_universe": int(ticker in universe),
            "companions": ",".join(sorted(member.companions)),
        }
        for ticker, member in sorted(members.items())
    ]
    upsert(connection, universes, rows, guarded=("as_of", "age_sessions", "in_universe", "companions"))


def _include(member: Member, session: date, *, exchanges: frozenset[str]) -> Member:
    """Return a ticker as a run of a session leaves it."""
    return replace(
        member,
        as_of=max(session, member.as_of),
        companions=member.companions & exchanges or exchanges,
        in_universe=member.in_universe or session >= member.as_of,
    )


def _load_members(connection: sa.Connection, source: str) -> dict[str, Member]:
    """Load every ticker of a source that a run had."""
    columns, instrument = universes.c, instruments.c
    is_instrument = (instrument.source == columns.source) & (instrument.ticker == columns.ticker)
    query = (
        sa.select(universes, instrument.calendar)
        .select_from(universes)
        .outerjoin(instruments, is_instrument)
        .where(columns.source == source)
    )
    return {
        row.ticker: Member(
            as_of=row.as_of,
            exchange=row.calendar or _find_exchange(row.ticker),
            companions=frozenset(filter(None, (row.companions or "").split(","))),
            in_universe=bool(row.in_universe),
            age_sessions=row.age_sessions,
        )
        for row in connection.execute(query)
    }


def _find_exchange(ticker: str) -> str | None:
    with suppress(UnknownExchangeError):
        return calendar_name(ticker)
    return None


def select_first_sessions(source: str) -> sa.Select[tuple[str, date]]:
    """Select each ticker with the first session of its forecasts, null without any."""
    return _select_sessions(source, sa.func.min)


def select_newest_sessions(source: str, until: date | None = None) -> sa.Select[tuple[str, date]]:
    """Select each ticker with the newest session of its forecasts up to a day, null without any."""
    return _select_sessions(source, sa.func.max, until)


def _select_sessions(
    source: str, least_or_greatest: Callable[..., sa.Function[Any]], until: date | None = None
) -> sa.Select[tuple[str, date]]:
    """Select one session of each ticker: one look into the key of `forecasts`, however long the history."""
    member, row = universes.c, forecasts.c
    is_wanted = (row.source == member.source) & (row.ticker == member.ticker)
    if until is not None:
        is_wanted &= row.as_of <= until
    found = sa.select(least_or_greatest(row.as_of)).where(is_wanted).correlate(universes).scalar_subquery()
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
    newest = select_newest_sessions(source, until)
    if tickers is not None:
        newest = newest.where(universes.c.ticker.in_(tickers))
    elif until is None:
        newest = newest.where(universes.c.in_universe == 1)
    row = table.c
    # Not a join: SQLite would read every forecast of a ticker, and look for its newest at each.
    return query.where(row.source == source, sa.tuple_(row.ticker, row.as_of).in_(newest))


def select_latest(
    source: str, tickers: Sequence[str] | None, *, until: date | None, horizons: Sequence[int] | None
) -> sa.Select[Any]:
    """Select the newest edition of the newest bands of each ticker, in the columns of `latest_forecast`.

    Args:
        source: Of the forecasts.
        tickers: As of `join_newest`.
        until: As of `join_newest`; bands of a given session have no age.
        horizons: Which, None for all.
    """
    first, later = (
        join_newest(_select_bands(table, with_age=until is None), source, tickers, until=until, table=table)
        for table in (forecasts, forecast_editions)
    )
    if horizons is not None:
        first = first.where(forecasts.c.horizon.in_(horizons))
        later = later.where(forecast_editions.c.horizon.in_(horizons))
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
