"""A new model from the store's prices, and its promotion."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from db.engine import reading, writing
from db.models import ModelRepository
from db.prices import PriceRepository
from db.records import ModelRecord
from flows.form import Day, Source, Symbols, overrides
from flows.ingest import ingest_all, record_quarantine
from flows.naming import run_name
from flows.outcomes import Stopwatch, Summary
from flows.shell import due, one_sentence
from flows.wiring import Job, open_job, store
from forecasting.errors import NoModelError
from forecasting.model import Model
from forecasting.pipeline import fingerprint, fit_model
from forecasting.prices import PriceHistory

if TYPE_CHECKING:
    from forecasting.lightning import EpochReport

Retrain = Literal["auto", "always", "never"]


@task(name="train", cache_policy=NO_CACHE, persist_result=False)
def train(job: Job) -> str:
    """Fit a model on the training universe, store it, promote it; its version."""
    histories = stored_histories(job, job.train_tickers)
    model = fit_model(histories, job.as_of, job.settings.model, epoch_log(job))
    return promote(job, model, fingerprint(histories))


def epoch_log(job: Job) -> "EpochReport":
    """A line in the run's log for each epoch."""
    logger = get_run_logger()
    logger.info("train: %d tickers up to %s", len(job.train_tickers), job.as_of)

    def report(epoch: int, losses: dict[str, float]) -> None:
        told = ", ".join(f"{name} {value:.4f}" for name, value in sorted(losses.items()))
        logger.info(
            "train: epoch %d of at most %d, %s", epoch + 1, job.settings.model.training.max_epochs, told
        )

    return report


def promote(job: Job, model: Model, data_fingerprint: str) -> str:
    """Store a fitted model and make it the champion; its version."""
    record = ModelRecord(
        version=model.version(),
        source=job.source.name,
        trained_through=model.manifest.trained_through,
        weights=model.weights(),
        config=model.manifest.model_dump_json(),
        metrics=dict(model.metrics),
        data_fingerprint=data_fingerprint,
        created_at=datetime.now(UTC),
    )
    with writing(store(job.settings.url)) as connection:
        repository = ModelRepository(connection)
        repository.add(record)
        repository.promote(record.version)
    get_run_logger().info("train: model %s serves from now on", record.version)
    return record.version


def ensure_model(job: Job, retrain: Retrain) -> str:
    """The version that serves `as_of`, trained first where the policy wants it.

    Raises:
        NoModelError: None serves, and training is not allowed.
    """
    record = None if retrain == "always" else champion(job)
    if record is None and retrain == "never":
        raise NoModelError(job.source.name, job.as_of)
    if record is None or (retrain == "auto" and _aged(record, job)):
        return train(job)
    get_run_logger().info("train: model %s of %s still serves", record.version, record.trained_through)
    return record.version


def champion(job: Job) -> ModelRecord | None:
    """The model that serves this job's source and session."""
    with reading(store(job.settings.url)) as connection:
        return ModelRepository(connection).champion(job.source.name, job.as_of)


def stored_histories(job: Job, tickers: tuple[str, ...]) -> list[PriceHistory]:
    """What the store holds of each ticker up to `as_of`; tickers without a bar are left out."""
    with reading(store(job.settings.url)) as connection:
        prices = PriceRepository(connection, job.source.name)
        histories = [prices.load(ticker, job.as_of) for ticker in tickers]
    return [history for history in histories if not history.bars.empty]


def _aged(record: ModelRecord, job: Job) -> bool:
    return (job.as_of - record.trained_through).days > job.settings.max_model_age_days


@flow(name="retrain", flow_run_name=run_name)
@one_sentence
def retrain(
    tickers: Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: Source = "configured",
    csv_dir: str = "",
    as_of: Day | None = None,
) -> dict[str, Any]:
    """Ingest the training universe, train a model on it, and promote it.

    Args:
        tickers: Symbols to train on, as Yahoo writes them; none for the configured universe.
        source: Where prices come from.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        as_of: Last session that training may see; none for the last one closed when the run was due.
    """
    asked = overrides(tickers, source, csv_dir)
    job = open_job(due(), as_of, train_tickers=asked["tickers"], **asked)
    watch = Stopwatch()
    with watch.stage("ingest"):
        failed = ingest_all(job, job.train_tickers)
    record_quarantine(job, failed, (one for one in job.train_tickers if one not in failed))
    with watch.stage("train"):
        version = train(job)
    return Summary(job.as_of, model_version=version, quarantined=failed, seconds=watch.seconds).plain()
