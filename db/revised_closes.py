"""Revisions and actions on which scores depend: others changed a volume, or a price that no band is about."""

from datetime import date

import sqlalchemy as sa

from db.schema import corporate_actions, forecasts, price_bars, price_revisions
from forecasting.errors import InstrumentChangedError

COMPARED = 30  # sessions up to a forecast's own, whose closes tell its units


def has_other_close() -> sa.ColumnElement[bool]:
    """Build the condition that a row of `price_revisions` has another close than the bar has now."""
    bar, revision = price_bars.c, price_revisions.c
    is_same = sa.and_(*(bar[name] == revision[name] for name in ("source", "ticker", "session", "close")))
    return ~sa.exists().where(is_same).correlate(price_revisions)


def is_revised_within() -> sa.ColumnElement[bool]:
    """Build the condition that a revision changed a close from a forecast's session to its target."""
    revision, row = price_revisions.c, forecasts.c
    is_ticker = (revision.source == row.source) & (revision.ticker == row.ticker)
    return is_ticker & revision.session.between(row.as_of, row.target_session) & has_other_close()


def is_of_other_instrument() -> sa.ColumnElement[bool]:
    """Build the condition that a forecast's bar is gone, because its symbol means something else now."""
    revision, row = price_revisions.c, forecasts.c
    is_anchor = (revision.source == row.source) & (revision.ticker == row.ticker)
    is_anchor &= (revision.session == row.as_of) & (revision.replaced_at > row.issued_at)
    is_set_aside = is_anchor & (revision.reason == InstrumentChangedError.reason)
    is_back = sa.exists().where(is_set_aside & ~has_other_close())
    return sa.exists().where(is_set_aside) & ~is_back


def tells_of_anchor() -> sa.ColumnElement[bool]:
    """Build the condition that a revision tells what a forecast's anchor is in the prices of now.

    It is one of the `COMPARED` sessions up to a forecast whose anchor close is no longer stored, and was
    replaced since: the units may be others, or the instrument.
    """
    revision, row, bar, later = price_revisions.c, forecasts.c, price_bars.c, price_bars.alias("later").c
    is_bar = (bar.source == row.source) & (bar.ticker == row.ticker) & (bar.session == row.as_of)
    is_held = sa.exists().where(is_bar & (bar.close == row.anchor_close)).correlate(forecasts)
    is_later = (later.source == revision.source) & (later.ticker == revision.ticker)
    farthest = (
        sa.select(later.session)
        .where(is_later & (later.session >= revision.session))
        .order_by(later.session)
        .offset(COMPARED)
        .limit(1)
        .correlate(price_revisions)
        .scalar_subquery()
    )
    is_near = row.as_of.between(revision.session, sa.func.coalesce(farthest, sa.literal(date.max)))
    is_ticker = (row.source == revision.source) & (row.ticker == revision.ticker) & (row.horizon == 1)
    is_issued = is_ticker & is_near & (row.issued_at < revision.replaced_at)
    return sa.exists().where(is_issued & ~is_held).correlate(price_revisions)


def is_action_within() -> sa.ColumnElement[bool]:
    """Build the condition that an action lies after a forecast's session, up to its target."""
    action, row = corporate_actions.c, forecasts.c
    is_ticker = (action.source == row.source) & (action.ticker == row.ticker)
    return is_ticker & (action.session > row.as_of) & (action.session <= row.target_session)
