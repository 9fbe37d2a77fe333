"""Pruning: what a store may lose once it has served; never bands that were published, nor scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from db.engine import reading, writing
from db.revised_closes import is_no_longer_needed
from db.schema import (
    band_outcomes,
    comparison_quantiles,
    forecast_editions,
    forecast_runs,
    forecasts,
    model_versions,
    price_revisions,
    unlisted_quantiles,
)
from db.schema.base import FORECAST_ROW
from db.schema.models import HAS_WEIGHTS
from db.schema.outcomes import SCORED_BANDS
from db.schema.quantiles import SERVED_BAND
from db.sql import select_tickers

LONGEST_BAND = timedelta(days=90)  # more than thirty sessions of any exchange, holidays included
RUNGS_KEPT = 3  # models of the ladder below the champion, which serve where it cannot
_DECIDING = ("withdrawn", "forgotten")  # revisions on which the policy of models depends


@dataclass(frozen=True)
class Pruned:
    """Rows that were pruned, or would be.

    Attributes:
        quantiles: Scored comparison bands whose quantiles go, one a target session.
        revisions: Earlier values of bars.
        models: Models that serve no more and made no stored band, whose weights go; their rows stay.
    """

    quantiles: int
    revisions: int
    models: int


def prune(engine: sa.Engine, now: datetime, keep: timedelta, *, dry_run: bool = False) -> Pruned:
    """Delete what is older than a time and no longer needed, of every source; runs may go on.

    Calibrated bands, all scores, prices and decisions stay for ever.

    Args:
        engine: From `db.engine.open_engine`.
        now: The clock (UTC).
        keep: What is younger stays: by target session, by the time of the revision, and of the training.
        dry_run: Only count.

    Raises:
        DatabaseUnreachableError: The database does not answer.
    """
    before = now - keep
    if dry_run:
        with reading(engine) as connection:
            return Pruned(*(_count(connection, statement) for statement in _statements(before)))
    with writing(engine) as connection:
        connection.execute(delete_scored_quantiles(unlisted_quantiles, before.date()))
        return Pruned(*(connection.execute(statement).rowcount for statement in _statements(before)))


def delete_scored_quantiles(
    table: sa.Table, until: date, *, since: date | None = None, source: str | None = None
) -> sa.Delete:
    """Delete the quantiles of comparison bands that have their score; bands without one keep theirs.

    Args:
        table: `comparison_quantiles`, or that of levels of earlier releases.
        until: Last target session.
        since: First target session; None for every earlier one.
        source: Of the bands; None for all.
    """
    row, quantile, score = forecasts.c, table.c, band_outcomes.c
    closed = sa.select(*(row[name] for name in FORECAST_ROW)).where(row.target_session <= until)
    if since is not None:
        closed = closed.where((row.target_session >= since) & (row.as_of >= since - LONGEST_BAND))
    if source is not None:
        is_source = (row.source == source) & row.ticker.in_(select_tickers(forecasts, source))
        closed = closed.where(is_source)
    is_closed = sa.tuple_(*(quantile[name] for name in FORECAST_ROW)).in_(closed)
    is_same = sa.and_(*(score[name] == quantile[name] for name in FORECAST_ROW))
    has_score = sa.or_(*((quantile.band == b) & score[f"{b}_miss"].is_not(None) for b in SCORED_BANDS))
    is_scored = sa.exists().where(is_same & (score.kind != "walk_forward") & has_score)
    return sa.delete(table).where((quantile.band != SERVED_BAND) & is_closed & is_scored)


def _statements(before: datetime) -> Iterator[sa.Delete | sa.Update]:
    revision = price_revisions.c
    is_old = (revision.replaced_at < before) & revision.reason.not_in(_DECIDING)
    yield delete_scored_quantiles(comparison_quantiles, before.date())
    yield sa.delete(price_revisions).where(is_old & is_no_longer_needed())
    yield (
        sa.update(model_versions)
        .where(_is_idle() & (model_versions.c.created_at < before))
        .values(weights=b"")
    )


def _is_idle() -> sa.ColumnElement[bool]:
    """Build the condition that a model has weights, cannot serve, and made nothing that is stored."""
    model, other = model_versions.c, model_versions.alias("other").c
    seen, other_seen = (sa.func.coalesce(m.evaluated_through, m.trained_through) for m in (model, other))
    has_served = other.status.in_(("champion", "retired"))
    is_above = (other.source == model.source) & has_served & (other_seen > seen)
    above = sa.select(sa.func.count()).where(is_above).scalar_subquery()
    never_serves = model.status.in_(("candidate", "refused"))
    cannot_serve = sa.or_(never_serves, (model.status == "retired") & (above > RUNGS_KEPT))
    uses = (
        sa.exists().where(table.c.model_version == model.version)
        for table in (forecasts, forecast_editions, forecast_runs)
    )
    return cannot_serve & ~sa.or_(*uses) & HAS_WEIGHTS


def _count(connection: sa.Connection, statement: Any) -> int:
    """Count the rows that a statement would change."""
    query = sa.select(sa.func.count()).select_from(statement.table).where(statement.whereclause)
    return int(connection.scalar(query) or 0)
