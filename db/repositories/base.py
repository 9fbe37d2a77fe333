"""Connection and price source that every repository is bound to."""

import sqlalchemy as sa


class Repository:
    """Queries of one price source on one connection.

    Args:
        connection: From `db.engine.reading` or, to store, `db.engine.writing`.
        source: Name of the price source, such as `yahoo`.
    """

    def __init__(self, connection: sa.Connection, source: str) -> None:
        self._connection = connection
        self._source = source
