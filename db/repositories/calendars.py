"""Repository of closures and openings of exchanges, with the time in which each was known."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from db.repositories.base import Repository, is_known_after
from db.schema import calendar_changes
from db.sql import insert
from forecasting.calendars.lookup import CalendarChange
from forecasting.types import ChangeOrigin

_NAMES = ("calendar", "session", "kind")


class CalendarRepository(Repository):
    """Stored closures and openings."""

    def load(self, known_at: datetime, origin: ChangeOrigin | None = None) -> frozenset[CalendarChange]:
        """Load what was known at an instant (UTC), from everywhere or of one origin."""
        columns = calendar_changes.c
        is_known = (columns.source == self._source) & (columns.known_since <= known_at)
        query = sa.select(*(columns[name] for name in _NAMES)).where(
            is_known & is_known_after(calendar_changes, known_at)
        )
        if origin is not None:
            query = query.where(columns.origin == origin)
        return frozenset(CalendarChange(*row) for row in self._connection.execute(query))

    def replace(self, changes: Collection[CalendarChange], origin: ChangeOrigin, at: datetime) -> None:
        """Store all changes of an origin as they are known from an instant (UTC) on.

        One that is known no longer is withdrawn, and its row stays; what is stored already stays as it is.
        A run that began later, or by a clock that was ahead, may have stored one first: it is known from the
        earlier instant on.
        """
        columns = calendar_changes.c
        for change in sorted(self.load(at, origin) - set(changes)):
            is_known = (
                (columns.origin == origin)
                & (columns.known_since <= at)
                & is_known_after(calendar_changes, at)
            )
            withdrawn = sa.update(calendar_changes).where(self._is_change(change), is_known)
            self._connection.execute(withdrawn.values(withdrawn_at=at))
        common = {"source": self._source, "known_since": at, "origin": origin}
        new = sorted(set(changes) - self.load(at))
        for change in new:
            is_later = (columns.known_since > at) & columns.withdrawn_at.is_(None)
            self._connection.execute(sa.delete(calendar_changes).where(self._is_change(change), is_later))
        insert(
            self._connection,
            calendar_changes,
            [{**{name: getattr(change, name) for name in _NAMES}, **common} for change in new],
        )

    def _is_change(self, change: CalendarChange) -> sa.ColumnElement[bool]:
        columns = calendar_changes.c
        is_same = (columns[name] == getattr(change, name) for name in _NAMES)
        return sa.and_(columns.source == self._source, *is_same)
