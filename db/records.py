"""Frozen values that the repositories store and return."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from forecasting.promotion.decision import Decision
from forecasting.types import ModelStatus, PriceBasis, RunKind

TickerSession = tuple[str, date]  # a ticker and the session that it was forecast from, or left out of


@dataclass(frozen=True)
class SavedBars:
    """Result of saving downloaded prices, in bars.

    Attributes:
        new: Bars of sessions that were not stored.
        changed: Stored bars that the source corrected.
        unchanged: Bars that agree.
        vanished: Stored sessions within the span of the download that it lacks; they are kept.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    vanished: tuple[date, ...] = ()


@dataclass(frozen=True)
class Holding:
    """Stored bars of one ticker, counted.

    Attributes:
        ticker: The symbol.
        first: First session with a bar.
        last: Last session with a bar.
        bars: Number of bars.
        revisions: Number of times that a stored bar was corrected.
    """

    ticker: str
    first: date
    last: date
    bars: int
    revisions: int


@dataclass(frozen=True)
class ModelRecord:
    """A trained model as stored.

    Attributes:
        version: Name of the model, a function of its training data and its weights.
        source: Price source that it was trained on.
        trained_through: Last session that training or validation saw.
        weights: safetensors bytes.
        config: JSON text of everything needed to rebuild the network and its features.
        metrics: Plain numbers measured on its validation sessions.
        data_fingerprint: Hash of the training prices.
        created_at: When it was trained (UTC).
        status: Its place between candidate and champion.
        evaluated_through: Last session that the promotion test saw; None where there was no test.
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
    evaluated_through: date | None = None


class Rollback(NamedTuple):
    """Versions that a rollback has changed.

    Attributes:
        active: The earlier champion, which is active again.
        withdrawn: The champion before the rollback, which is refused from now on.
    """

    active: str
    withdrawn: str


@dataclass(frozen=True)
class RunRecord:
    """One published forecast run; `run_id` is a function of its inputs, so that a re-run is the same run.

    Attributes:
        run_id: Natural key.
        source: Price source.
        as_of: Session (the latest, in a universe of several exchanges) forecast from.
        model_version: Model that made the bands.
        seed: Seed of all random streams.
        settings: JSON text of the simulation's settings.
        data_fingerprint: Hash of all prices that went in.
        code_version: Version of bandcast.
        library_versions: JSON text, name -> version.
        flow_run_id: Prefect's id of the run, where there is one.
        issued_at: When it was published (UTC).
        quarantined: JSON text, the reason of each ticker that was left out.
        calibration_id: Calibration that the bands were given, where there was one.
        kind: live, or backfill where it was made for a session long past.
        price_basis: Basis of the prices whose returns the bands describe.
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
    price_basis: PriceBasis = "split_adjusted"


@dataclass(frozen=True)
class QuarantineRecord:
    """A ticker that was left out of a session's run.

    Attributes:
        source: Price source.
        ticker: The symbol.
        as_of: Session of the run.
        reason: Name of the error, such as `stale`.
        detail: The error's sentence.
        seen_at: When the run left it out (UTC).
    """

    source: str
    ticker: str
    as_of: date
    reason: str
    detail: str
    seen_at: datetime


@dataclass(frozen=True)
class CalibrationRecord:
    """State of the calibration at one session; the id is a function of the rest.

    Attributes:
        calibration_id: Natural key.
        source: Price source.
        as_of: No outcome of a later session went in.
        state: JSON text.
        n_outcomes: Number of closed outcomes that it rests on.
        code_version: Version of bandcast.
        created_at: When it was fitted (UTC).
        left_out: JSON object: ticker that could not be walked -> why.
    """

    calibration_id: str
    source: str
    as_of: date
    state: str
    n_outcomes: int
    code_version: str
    created_at: datetime
    left_out: str = "{}"


@dataclass(frozen=True, kw_only=True)
class PromotionRecord(Decision):
    """Decision on a challenger, as stored.

    Attributes:
        decision_id: Natural key.
        source: Price source.
        as_of: Last session that the comparison saw.
        challenger: Version of the model that was tested.
        champion: Version of the model that it was compared with; None where there was none.
        decided_at: When (UTC).
        left_out: JSON text, the reason of each ticker that took no part.
    """

    decision_id: str
    source: str
    as_of: date
    challenger: str
    champion: str | None
    decided_at: datetime
    left_out: str = "{}"
