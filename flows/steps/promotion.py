"""A candidate model: fitted, tried beside the champion, and let in or refused."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from prefect import get_run_logger

from db.engine import writing
from db.records import GateRecord, ModelRecord
from db.repositories.models import ModelRepository
from db.repositories.promotions import GateRepository
from flows.context import Job, store
from flows.steps.models import model
from forecasting.model.artifact import Model
from forecasting.pipeline import fingerprint, fit_model
from forecasting.prices.history import PriceHistory
from forecasting.promotion.decision import Decision
from forecasting.promotion.evaluate import last_fitted, trial

if TYPE_CHECKING:
    from forecasting.model.lightning_module import EpochReport


def fit_candidate(job: Job, histories: Sequence[PriceHistory]) -> Model:
    """A model that has not seen the sessions that the gate holds out.

    Raises:
        ModelError: Too little history.
    """
    config = job.settings.model
    last = last_fitted(histories, job.as_of, config.price_basis, job.settings.gate)
    get_run_logger().info("train: %d tickers up to %s", len(histories), last)
    return fit_model([one.until(last) for one in histories], last, config, epoch_log(job))


def epoch_log(job: Job) -> "EpochReport":
    """A line in the run's log for each epoch."""
    logger, most = get_run_logger(), job.settings.model.training.max_epochs

    def report(epoch: int, losses: dict[str, float]) -> None:
        told = ", ".join(f"{name} {value:.4f}" for name, value in sorted(losses.items()))
        logger.info("train: epoch %d of at most %d, %s", epoch + 1, most, told)

    return report


def try_candidate(
    job: Job, candidate: Model, champion: ModelRecord | None, histories: Sequence[PriceHistory]
) -> Decision:
    """Candidate beside champion on the sessions that neither has seen.

    Raises:
        GateError: There are too few.
    """
    rival = model(job.settings.url, champion.version) if champion else None
    renewal = (
        champion is not None
        and candidate.manifest.trained_through > champion.trained_through
        and (job.as_of - last_seen(champion)).days > job.settings.max_model_age_days
    )
    settings = job.settings
    decision = trial((candidate, rival), histories, settings.gate, settings.simulation, renewal=renewal)
    get_run_logger().info("gate: %s", decision.reason)
    return decision


def settle(
    job: Job,
    candidate: Model,
    champion: ModelRecord | None,
    decision: Decision,
    histories: Sequence[PriceHistory],
) -> str:
    """Store the candidate and the decision in one transaction, and let it serve or not; its version."""
    record = _record(job, candidate, fingerprint(histories))
    gate = _gate_record(job, record.version, champion.version if champion else None, decision)
    with writing(store(job.settings.url)) as connection:
        models = ModelRepository(connection)
        models.add(record)
        if decision.promoted:
            models.promote(record.version, job.as_of)
        else:
            models.refuse(record.version)
        GateRepository(connection).add(gate)
    return record.version


def last_seen(record: ModelRecord) -> date:
    """Last session that had a part in a model: its gate's or, where it passed none, its training's."""
    return record.gated_as_of or record.trained_through


def _record(job: Job, candidate: Model, data_fingerprint: str) -> ModelRecord:
    return ModelRecord(
        version=candidate.version(),
        source=job.source.name,
        trained_through=candidate.manifest.trained_through,
        weights=candidate.weights(),
        config=candidate.manifest.model_dump_json(),
        metrics=dict(candidate.metrics),
        data_fingerprint=data_fingerprint,
        created_at=datetime.now(UTC),
    )


def _gate_record(job: Job, candidate: str, champion: str | None, decision: Decision) -> GateRecord:
    key = "|".join((job.source.name, str(job.as_of), candidate, champion or ""))
    return GateRecord(
        decision_id=hashlib.sha256(key.encode()).hexdigest()[:16],
        source=job.source.name,
        as_of=job.as_of,
        candidate=candidate,
        champion=champion,
        decided_at=datetime.now(UTC),
        **asdict(decision),
    )
