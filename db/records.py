"""What the repositories store and return, as plain frozen values."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

ModelStatus = Literal["candidate", "champion", "retired", "refused"]


@dataclass(frozen=True)
class ModelRecord:
    """A trained model as stored.

    Attributes:
        version: Name of the model, a function of what it was trained on and of its weights.
        source: The price source that it was trained on.
        trained_through: Last session that training or validation saw.
        weights: safetensors bytes.
        config: JSON text of everything needed to rebuild the network and its features.
        metrics: Plain numbers measured on its validation sessions.
        data_fingerprint: Hash of the training prices.
        created_at: When it was trained (UTC).
        status: Where it stands.
    """

    version: str
    source: str
    trained_through: date
    weights: bytes
    config: str
    metrics: dict[str, float]
    data_fingerprint: str
    created_at: datetime
    status: ModelStatus = "candidate"


@dataclass(frozen=True)
class RunRecord:
    """One published forecast run; `run_id` is a function of its inputs, so that a re-run is the same run.

    Attributes:
        run_id: Natural key.
        source: The price source.
        as_of: The session (the latest, in a universe of several exchanges) forecast from.
        model_version: The model that served.
        seed: Seed of all random streams.
        settings: JSON text of the simulation's settings.
        data_fingerprint: Hash of all prices that went in.
        code_version: Version of bandcast.
        library_versions: JSON text, name -> version.
        flow_run_id: Prefect's id of the run, where there is one.
        issued_at: When it was published (UTC).
        quarantined: JSON text, the reason of each ticker that was left out.
    """

    run_id: str
    source: str
    as_of: date
    model_version: str
    seed: int
    settings: str
    data_fingerprint: str
    code_version: str
    library_versions: str
    flow_run_id: str | None
    issued_at: datetime
    quarantined: str = "{}"


@dataclass(frozen=True)
class Quarantine:
    """A ticker that was left out of a day's run, and why."""

    source: str
    ticker: str
    as_of: date
    reason: str
    detail: str
    seen_at: datetime
