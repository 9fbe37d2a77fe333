"""Names of runs: those that a person typed stay, those that Prefect generates are replaced."""

import pytest

from flows.prefect_runtime.run_names import run_name


@pytest.mark.parametrize(
    "made_up",
    [
        "adept-lynx",
        "rho4-tyree",
        "psi6-kenda-field",
        "beta-canis-majoris-v",
        "mu3371-barad-dur-ring",
        "delta895",
        "xi3--band",
    ],
)
def test_a_name_that_prefect_made_up_gives_way_to_the_session(
    monkeypatch: pytest.MonkeyPatch, made_up: str
) -> None:
    name_run(monkeypatch, made_up)
    assert run_name() == "backfill-2013-02-01-2013-02-08"


@pytest.mark.parametrize(
    "typed", ["Friday again", "beta2", "after-the-split-2", "rerun", "alphabet-of-my-own", "omega"]
)
def test_a_name_that_a_person_typed_stays(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    name_run(monkeypatch, typed)
    assert run_name() == typed


def name_run(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A run of that name, as Prefect's runtime tells it."""
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__NAME", name)
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__FLOW_NAME", "backfill")
    monkeypatch.setattr(
        "prefect.runtime.flow_run.parameters", {"start": "2013-02-01", "end": "2013-02-08"}, raising=False
    )
