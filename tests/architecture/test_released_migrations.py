"""Migrations are history: those of a release never change, for databases have run them as they were."""

from hashlib import sha256
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "db" / "migrations"
# Add a migration with the release that brings it: `sha256sum db/migrations/versions/*.py`.
RELEASED = {
    "versions/0001_*.py": "7779bd3c88bc492d830efd9eb3b0ef4e1fa193538ead45f49d4e5b5165496ce0",
    "versions/0002_*.py": "9ed72bcafc57cf2f5fbc1578912e61cbc487c372d4b37120fc220e32358bba76",
    "versions/0003_*.py": "9fa83e752c40ea9284ecfb54fe2234d25a0fb4bdad14b8985ff39766be8a6db8",
    "views.py": "eba8fe9897e5c36399fcf1f5b820e762d351bec8575a9d575859a4842b4420d0",
}


@pytest.mark.parametrize("pattern", RELEASED)
def test_a_released_migration_is_as_it_was(pattern: str) -> None:
    (path,) = FOLDER.glob(pattern)
    assert sha256(path.read_bytes()).hexdigest() == RELEASED[pattern]


def test_at_most_the_newest_migration_is_not_released_yet() -> None:
    older = sorted(FOLDER.glob("versions/[0-9]*.py"))[:-1]
    assert set(older) <= {path for pattern in RELEASED for path in FOLDER.glob(pattern)}
