"""A long training beside another run, and cancelled."""

from collections.abc import Iterator

import pytest
from reading_store import rows
from served import Served, eventually, serve_deployments

LONG = {f"BANDCAST_MODEL__TRAINING__{name}": "10000" for name in ("MAX_EPOCHS", "MAX_STEPS", "PATIENCE")}


@pytest.fixture(scope="module")
def served(prefect_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A worker whose trainings do not end by themselves."""
    with serve_deployments(tmp_path_factory.mktemp("served"), **LONG) as opened:
        yield opened


def test_another_run_waits_and_one_cancelled_in_mid_training_leaves_no_half_model(served: Served) -> None:
    run = served.start("retrain/weekly", source="sample", tickers=["MSFT", "GOOG"])
    eventually(lambda: "train: epoch 1, step" in served.log or None, "the first epoch")
    before = models(served)
    other = served.start("retrain/weekly", source="sample", tickers=["MSFT", "GOOG"])
    eventually(lambda: served.state(other) == "AwaitingConcurrencySlot" or None, "the other run to wait")
    served.forget(other)
    served.cancel(run)
    assert models(served) == before


def models(served: Served) -> list[tuple[str, str]]:
    return sorted(map(tuple, rows("SELECT version, status FROM model_versions", served.url)))
