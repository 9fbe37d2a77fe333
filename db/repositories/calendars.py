"""Repository of closures and openings of exchanges, with the time in which each was known."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from db.repositories.base import Repository
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
        still_known = columns.withdrawn_at.is_(None) | (columns.withdrawn_at > known_at)
        is_known = (columns.source == self._source) & (columns.known_since <= known_at) & still_known
        query = sa.select(*(columns[name] for name in _NAMES)).where(is_known)
        if origin is not None:
            query = query.where(columns.origin == origin)
        return frozenset(CalendarChange(*row) for row in self._connection.execute(query))

    def replace(self, changes: Collection[CalendarChange], origin: ChangeOrigin, at: datetime) -> None:
        """Store all changes of an origin as they are known from an instant (UTC) on.

        One that is known no longer is withdrawn, and its row stays; what is stored already stays as it is.
        """
        known = self.load(at, origin)
        columns = calendar_changes.c
        for change in sorted(known - set(changes)):
            is_change = sa.and_(*(columns[name] == getattr(change, name) for name in _NAMES))
            is_current = (columns.source == self._source) & (columns.origin == origin)
            withdrawn = sa.update(calendar_changes).where(
                is_current, is_change, columns.withdrawn_at.is_(None)
            )
            self._connection.execute(withdrawn.values(withdrawn_at=at))
        common = {"source": self._source, "known_since": at, "origin": origin}
        new = sorted(set(changes) - self.load(at))
        insert(
            self._connection,
            calendar_changes,
            [{**{name: getattr(change, name) for name in _NAMES}, **common} for change in new],
        )
