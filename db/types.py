"""Column types that behave alike on SQLite and PostgreSQL."""

from datetime import UTC, datetime

import sqlalchemy as sa


class UtcDateTime(sa.TypeDecorator[datetime]):
    """Instant in UTC: naive datetimes are refused when written, and what is read is always aware.

    SQLite drops the zone of a `DateTime(timezone=True)`; it is put back here.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """Convert to UTC.

        Raises:
            ValueError: The datetime has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(
                f"Expected an instant with a time zone, found {value!r}; attach the zone it is meant in."
            )
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """Attach UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
