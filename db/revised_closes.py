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
    revision, anchor = price_revisions.c, _select_moved_anchors().c
    is_ticker = (anchor.source == revision.source) & (anchor.ticker == revision.ticker)
    is_compared = revision.session.between(sa.func.coalesce(anchor.first, date.min), anchor.as_of)
    return sa.exists().where(is_ticker & is_compared & (anchor.issued_at < revision.replaced_at))


def _select_moved_anchors() -> sa.Subquery:
    """Select the forecasts whose anchor close is no longer stored, with the first session to compare.

    With an offset it is worked out once: for each revision anew, PostgreSQL takes minutes.
    """
    row, bar, earlier = forecasts.c, price_bars.c, price_bars.alias("earlier").c
    is_bar = (bar.source == row.source) & (bar.ticker == row.ticker) & (bar.session == row.as_of)
    is_held = sa.exists().where(is_bar & (bar.close == row.anchor_close))
    is_earlier = (earlier.source == row.source) & (earlier.ticker == row.ticker)
    earlier_sessions = sa.select(earlier.session).where(is_earlier & (earlier.session <= row.as_of))
    newest_first = earlier_sessions.order_by(earlier.session.desc())
    first = newest_first.offset(COMPARED - 1).limit(1).scalar_subquery().label("first")
    query = sa.select(row.source, row.ticker, row.as_of, row.issued_at, first)
    return query.where((row.horizon == 1) & ~is_held).offset(0).subquery("moved_anchors")


def is_action_within() -> sa.ColumnElement[bool]:
    """Build the condition that an action lies after a forecast's session, up to its target."""
    action, row = corporate_actions.c, forecasts.c
    is_ticker = (action.source == row.source) & (action.ticker == row.ticker)
    return is_ticker & (action.session > row.as_of) & (action.session <= row.target_session)
