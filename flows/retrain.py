"""A new model from the store's prices, put before the gate, and which model serves."""

from datetime import UTC, datetime

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from db.engine import reading, writing
from db.records import ModelRecord
from db.repositories.models import ModelRepository
from db.repositories.prices import PriceRepository
from db.repositories.promotions import GateRepository
from flows.context import Job, open_job, store, unique
from flows.ingest import ingest_all, record_quarantine
from flows.prefect_runtime.flow_support import due, one_sentence
from flows.prefect_runtime.parameters import Day, Source, Symbols, overrides
from flows.prefect_runtime.run_names import run_name
from flows.steps.models import model
from flows.steps.promotion import fit_candidate, last_seen, settle, try_candidate
from flows.steps.report import report_promotion
from flows.summary import RunSummary, Stopwatch
from forecasting.errors import ArchitectureMismatchError, ModelError
from forecasting.prices.history import PriceHistory
from forecasting.types import Retrain


@task(name="train", cache_policy=NO_CACHE, persist_result=False)
def train(job: Job) -> str:
    """Fit a candidate on the training universe and put it before the gate; the version that serves then.

    Raises:
        ModelError: Too little history to train on, or to try the candidate on.
    """
    champion_now = champion(job)
    reference = model(job.settings.url, champion_now.version).manifest.reference if champion_now else ()
    histories = stored_histories(job, job.train_tickers)
    candidate = fit_candidate(job, histories)
    if (standing := _standing(job, candidate.version())) in ("champion", "refused"):
        get_run_logger().info("gate: the same prices make the same model: the %s one", standing)
        return serving(job)
    known = stored_histories(job, unique((*job.train_tickers, *reference)))
    decision = try_candidate(job, candidate, champion_now, known)
    settle(job, candidate, champion_now, decision, histories)
    return serving(job)


def ensure_model(job: Job, retrain: Retrain) -> str:
    """The version that serves `as_of`: champion, one before it, or the random walk; trained for where due."""
    logger = get_run_logger()
    if retrain == "always" or (retrain == "auto" and _due(job)):
        try:
            train(job)
        except ModelError as error:
            logger.warning("train: no new model: %s", error)
    version = serving(job)
    logger.info("train: model %s serves", version)
    return version


def serving(job: Job) -> str:
    """The highest rung of the ladder that holds: champion, one before it, or the random walk."""
    record = champion(job)
    if record is not None:
        return record.version
    with writing(store(job.settings.url)) as connection:
        return ModelRepository(connection).add_baseline(datetime.now(UTC))


def champion(job: Job) -> ModelRecord | None:
    """The first model of the ladder that this release can rebuild and that saw nothing after `as_of`."""
    for record in _ladder(job):
        try:
            model(job.settings.url, record.version)
        except ArchitectureMismatchError as error:
            get_run_logger().warning("train: %s", error)
        else:
            return record
    return None


def stored_histories(job: Job, tickers: tuple[str, ...]) -> list[PriceHistory]:
    """What the store holds of each ticker up to `as_of`; tickers without a bar are left out."""
    with reading(store(job.settings.url)) as connection:
        prices = PriceRepository(connection, job.source.name)
        histories = [prices.load(ticker, job.as_of) for ticker in tickers]
    return [history for history in histories if not history.bars.empty]


def _standing(job: Job, version: str) -> str | None:
    """Status of a model, None where the store has none of that name; a refused one is not tried again."""
    with reading(store(job.settings.url)) as connection:
        record = ModelRepository(connection).get(version)
    return record.status if record else None


def _ladder(job: Job) -> list[ModelRecord]:
    with reading(store(job.settings.url)) as connection:
        return ModelRepository(connection).ladder(job.source.name, job.as_of)


def _due(job: Job) -> bool:
    """Whether the first choice is missing, broken or old, and no candidate was tried for it since.

    Age counts from the gate: a refused candidate buys its champion as much time as a promoted one has, or a
    gate that is asked every day would in the end let chance in.
    """
    with reading(store(job.settings.url)) as connection:
        tried = GateRepository(connection).latest(job.source.name, job.as_of)
    best, usable = next(iter(_ladder(job)), None), champion(job)
    if best is None or usable is None or usable.version != best.version:
        return tried is None or tried.as_of < job.as_of
    newest = max(last_seen(usable), tried.as_of if tried else last_seen(usable))
    return (job.as_of - newest).days > job.settings.max_model_age_days


@flow(name="retrain", flow_run_name=run_name)
@one_sentence
def retrain(
    tickers: Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: Source = "configured",
    csv_dir: str = "",
    as_of: Day | None = None,
) -> RunSummary:
    """Ingest the training universe, train a model on it, and promote it if the promotion test passes.

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
    record_quarantine(job, failed, (ticker for ticker in job.train_tickers if ticker not in failed))
    with watch.stage("train"):
        version = train(job)
    return RunSummary(
        job.as_of,
        model_version=version,
        quarantined=failed,
        seconds=watch.seconds,
        promotion=report_promotion(job),
    )
