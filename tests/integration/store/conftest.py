"""The empty store of the tests of the database, in place of the configured one."""

import pytest
from database_fixtures import store

__all__ = ["store"]


@pytest.fixture(autouse=True)
def untraced(no_cover: None) -> None:
    """Leave coverage to the tests of `tests/unit` and `runs`."""
