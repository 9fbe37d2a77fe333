"""The empty store of the tests of the database, in place of the configured one."""

from database_fixtures import store

__all__ = ["store"]
