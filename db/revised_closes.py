"""Revisions and actions on which scores depend: others changed a volume, or a price that no band is about."""

import sqlalchemy as sa

from db.schema import corporate_actions, forecasts, price_bars, price_revisions
from forecasting.errors import InstrumentChangedError

COMPARED = 30  # sessions up to a forecast's own, whose closes tell its units


def has_other_close(revisions: sa.FromClause = price_revisions) -> sa.ColumnElement[bool]:
    """Build the condition that a row of `price_revisions` has another close than the bar has now."""
    bar, revision = price_bars.c, revisions.c
    is_same = sa.and_(*(bar[name] == revision[name] for name in ("source", "ticker", "session", "close")))
    return ~sa.exists().where(is_same).correlate(revisions)


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


def is_no_longer_needed() -> sa.ColumnElement[bool]:
    """Build the condition that no band, nor its score, can depend on a revision, whatever is corrected later.

    Its session lies before all that a forecast of its ticker is compared with; or every revision of its bar
    has the close of now. One alone would not do: what is left would pass for the close of the issue.
    """
    revision, other, row, bar = price_revisions.c, price_revisions.alias("other"), forecasts.c, price_bars.c
    is_issued = (row.source == revision.source) & (row.ticker == revision.ticker)
    oldest = sa.select(sa.func.min(row.as_of)).where(is_issued).correlate(price_revisions).scalar_subquery()
    is_earlier = (bar.source == revision.source) & (bar.ticker == revision.ticker) & (bar.session <= oldest)
    earlier = sa.select(bar.session).where(is_earlier).order_by(bar.session.desc())
    first = earlier.offset(COMPARED - 1).limit(1).correlate(price_revisions).scalar_subquery()
    is_before = oldest.is_(None) | (revision.session < first)
    is_same = sa.and_(*(other.c[name] == revision[name] for name in ("source", "ticker", "session")))
    has_other = sa.exists().where(is_same & has_other_close(other)).correlate(price_revisions)
    return sa.func.coalesce(is_before, sa.false()) | ~has_other


def is_action_within() -> sa.ColumnElement[bool]:
    """Build the condition that an action lies after a forecast's session, up to its target."""
    action, row = corporate_actions.c, forecasts.c
    is_ticker = (action.source == row.source) & (action.ticker == row.ticker)
    return is_ticker & (action.session > row.as_of) & (action.session <= row.target_session)
