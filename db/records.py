"""What the repositories store and return, as plain frozen values."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

ModelStatus = Literal["candidate", "champion", "retired", "refused", "baseline"]
RunKind = Literal["live", "backfill"]


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
        gated_as_of: Last session that its gate saw; None where it passed none.
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
    gated_as_of: date | None = None


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
        calibration_id: The calibration that its bands were given, where there was one.
        kind: live, or backfill where it was made for a session long past.
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
    calibration_id: str | None = None
    kind: RunKind = "live"


@dataclass(frozen=True)
class Quarantine:
    """A ticker that was left out of a day's run, and why."""

    source: str
    ticker: str
    as_of: date
    reason: str
    detail: str
    seen_at: datetime


@dataclass(frozen=True)
class CalibrationRecord:
    """What calibration had learned by a session; the id is a function of the rest.

    Attributes:
        calibration_id: Natural key.
        source: The price source.
        as_of: No outcome of a later session went in.
        state: JSON text.
        outcomes: Closed outcomes that it rests on.
        code_version: Version of bandcast.
        created_at: When it was learned (UTC).
    """

    calibration_id: str
    source: str
    as_of: date
    state: str
    outcomes: int
    code_version: str
    created_at: datetime


@dataclass(frozen=True)
class GateRecord:
    """Whether a candidate was let in, and why; the scores are explained at `forecasting.gate.Decision`."""

    decision_id: str
    source: str
    as_of: date
    candidate: str
    champion: str | None
    decided_at: datetime
    promoted: bool
    reason: str
    candidate_crps: float
    champion_crps: float | None
    floor_crps: float
    difference: float
    lower: float
    upper: float
    tolerance: float
    dates: int
    forecasts: int
