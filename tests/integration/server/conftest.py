"""The deployments on a Prefect server, with a worker."""

from collections.abc import Iterator

import pytest
from served import Served, serve_deployments


@pytest.fixture(scope="module")
def served(prefect_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Of each file its own worker and store, so that what one file leaves is nothing to the next."""
    with serve_deployments(tmp_path_factory.mktemp("served")) as opened:
        yield opened
