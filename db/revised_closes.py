"""Revisions on which scores depend: the others changed a volume, or a price that no band is about."""

import sqlalchemy as sa

from db.schema import price_bars, price_revisions


def has_other_close() -> sa.ColumnElement[bool]:
    """Build the condition that a row of `price_revisions` has another close than the bar has now."""
    bar, revision = price_bars.c, price_revisions.c
    is_same = sa.and_(*(bar[name] == revision[name] for name in ("source", "ticker", "session", "close")))
    return ~sa.exists().where(is_same).correlate(price_revisions)
