"""Models: the one that serves, and a challenger that is fitted and tested against it."""

import json
from dataclasses import asdict, replace
from datetime import datetime

from prefect import get_run_logger

from db import ModelRecord, PromotionRecord, Transaction
from flows.context import RunContext
from flows.prefect_runtime.definitions import define_task
from flows.steps.epoch_log import EpochLog, format_losses
from flows.steps.ingest import join_reasons
from flows.steps.process_pools import choose_spread
from flows.steps.progress import log_progress
from flows.steps.returns import load_for_run
from flows.steps.training import ingest_training
from forecasting.backtesting.walk_forward import Execution
from forecasting.errors import ModelError
from forecasting.features.market import is_recent
from forecasting.features.preparation import Universe
from forecasting.features.returns import fingerprint_universe
from forecasting.forecast import identify
from forecasting.model.artifact import Model
from forecasting.pipeline import fit_model
from forecasting.promotion.evaluate import (
    Evaluation,
    Trial,
    choose_tested,
    evaluate_challenger,
    find_last_fitted,
)
from forecasting.promotion.policy import Ladder, ModelAge, climb_down, is_renewal, is_retrain_due
from forecasting.text import format_count
from forecasting.types import Retrain


@define_task("train", "train-{context.as_of}")
def train(context: RunContext) -> str:
    """Fit a challenger on the training universe and test it; return the version that serves then.

    Raises:
        ModelError: Too little history to train on, or to test the challenger on.
    """
    run_promotion_test(context)
    return activate(context)


def run_promotion_test(context: RunContext) -> None:
    """Fit a challenger, test it against the champion unless that was done before, and save the decision."""
    warn_of_refused(context)
    champion = find_active(context)
    if champion is not None and (fault := _find_fault(context, champion)):
        get_run_logger().info("train: %s %s", champion.version, fault)
        champion = None
    with log_progress("train"):  # features and linear part of 500 tickers take minutes before the first epoch
        trainable, basis = list_trainable(context), context.settings.model.price_basis
        prices = load_for_run(context, trainable, basis, only_traded=True)  # one frozen price spoils the fit
        challenger = fit_challenger(context, prices)
    with context.store.reading() as tx:
        is_decided = _is_decided(tx, challenger.version())
    if not is_decided:
        evaluation = evaluate(context, challenger, champion)
        fingerprint = fingerprint_universe(prices.returns.values())
        save_decision(context, challenger, champion, evaluation=evaluation, data_fingerprint=fingerprint)


def list_trainable(context: RunContext) -> tuple[str, ...]:
    """List the training universe, without tickers that are not forecast and of which nothing is stored."""
    with context.store.reading() as tx:
        stored = tx.prices.load_spans()
    return tuple(ticker for ticker in context.train_tickers if ticker in stored or ticker in context.tickers)


def ensure_model(context: RunContext, retrain: Retrain, *, ingests: bool = True) -> str:
    """Train where due; return the version that serves: champion, one before it, or the random walk.

    Args:
        context: The run.
        retrain: Whether to train.
        ingests: Whether to ingest the training universe first, or to train on what is stored.
    """
    logger = get_run_logger()
    if retrain == "always" or (retrain == "auto" and _is_due(context)):
        try:
            train(ingest_training(context) if ingests else context)
        except ModelError as error:
            logger.warning("train: no new model: %s", error)
    else:
        warn_of_refused(context)
    version = activate(context)
    logger.info("train: model %s serves", version)
    return version


def find_active(context: RunContext) -> ModelRecord | None:
    """Return the first model of the ladder that this release can rebuild; None where none can."""
    return _climb_down(context).active


def warn_of_refused(context: RunContext) -> None:
    """Log why each model that would serve first cannot be rebuilt."""
    for reason in _climb_down(context).refused.values():
        get_run_logger().warning("train: %s", reason)


def activate(context: RunContext) -> str:
    """Return the version of the highest rung of the ladder that holds; the last is the random walk."""
    record = find_active(context)
    if record is not None:
        return record.version
    with context.store.writing() as tx:
        return tx.models.add_baseline(context.now)


def fit_challenger(context: RunContext, prices: Universe) -> Model:
    """Fit a model that has not seen the sessions of the promotion test.

    Raises:
        ModelError: Too little history.
    """
    universe = list(prices.returns.values())
    if prices.faults and not universe:
        reasons = join_reasons(list(prices.faults), prices.faults)
        raise ModelError(f"Expected a ticker with prices to train on, found none: {reasons}.")
    last = find_last_fitted(universe, context.as_of, context.settings.gate)
    logger = get_run_logger()
    logger.info("train: %s up to %s", format_count(len(universe), "ticker"), last)
    config = context.settings.model
    model = fit_model(universe, last, config, on_epoch=EpochLog(logger.info, config.training))
    best = model.metrics["best_epoch"] + 1
    logger.info("train: fitted, kept epoch %d, %s", best, format_losses(model.metrics))
    if model.manifest.no_correction:
        logger.info("train: the network does not correct the bands: %s", model.manifest.no_correction)
    left_out = prices.left_out | model.manifest.left_out
    for reason in left_out.values():
        logger.warning("train: left out: %s", reason)
    facts = {"left_out": left_out, "source": context.source.name}
    return replace(model, manifest=model.manifest.model_copy(update=facts))


def evaluate(context: RunContext, challenger: Model, champion: ModelRecord | None) -> Evaluation:
    """Test challenger and champion on the sessions that neither has seen.

    Raises:
        PromotionError: There are too few.
    """
    settings, other = context.settings, None
    if champion is not None:
        other = context.store.load_model(champion.version)
    tested = choose_tested(context.tickers, list_trainable(context), settings.gate)
    tickers = (*tested, *challenger.manifest.reference, *(other.manifest.reference if other else ()))
    prices = load_for_run(context, tickers, challenger.manifest.config.price_basis)
    origins = settings.gate.sessions // settings.gate.every
    spread = choose_spread(settings.workers, origins * len(tested))
    with log_progress("promotion: forecasts from sessions made") as progress:
        evaluation = evaluate_challenger(
            challenger,
            other,
            prices.returns,
            trial=Trial(settings.simulation, tested, context.calendars, Execution(progress.count, spread)),
            config=settings.gate,
            renewal=is_renewal(
                challenger.manifest.trained_through,
                _age(champion),
                context.as_of,
                max_age_days=settings.max_model_age_days,
            ),
            champion_universe=load_for_run(context, tickers, other.manifest.config.price_basis).returns
            if other
            else None,
        )
    evaluation = replace(evaluation, left_out={**prices.left_out, **evaluation.left_out})
    get_run_logger().info("promotion: %s", evaluation.decision.reason)
    for reason in evaluation.left_out.values():
        get_run_logger().warning("promotion: left out: %s", reason)
    return evaluation


def save_decision(
    context: RunContext,
    challenger: Model,
    champion: ModelRecord | None,
    *,
    evaluation: Evaluation,
    data_fingerprint: str,
) -> None:
    """Save challenger and decision in one transaction, and promote or refuse it.

    What another run has decided on the same model meanwhile stays, and so does a rollback of it.
    """
    version, before = challenger.version(), champion.version if champion else None
    decision = PromotionRecord(
        decision_id=identify(context.as_of, context.source.name, version, before or ""),
        source=context.source.name,
        as_of=context.as_of,
        challenger=version,
        champion=before,
        decided_at=context.now,
        left_out=json.dumps(evaluation.left_out),
        **asdict(evaluation.decision),
    )
    with context.store.writing() as tx:
        if _is_decided(tx, version):
            return
        tx.models.add(_build_record(context, challenger, data_fingerprint))
        if decision.promoted:
            tx.models.promote(version, context.as_of)
        else:
            tx.models.refuse(version)
        tx.promotions.add(decision)


def list_universe(context: RunContext) -> tuple[str, ...]:
    """Return all that a run needs prices of where no model is due: also the reference universe."""
    record = find_active(context)
    reference = context.store.load_model(record.version).manifest.reference if record else ()
    return (*context.tickers, *reference)


def _climb_down(context: RunContext) -> Ladder[ModelRecord | None]:
    with context.store.reading() as tx:

        def load(version: str) -> ModelRecord | None:
            record = tx.models.get(version)  # the model itself may be one that was kept since it was read
            context.store.load_model(version)
            return record

        return climb_down(tx.models.list_ladder(context.as_of), load)


def _is_decided(tx: Transaction, version: str) -> bool:
    """Return whether the same prices made the same model before; a refused one is not tested again."""
    record = tx.models.get(version)
    if record is None or record.status not in ("champion", "refused"):
        return False
    get_run_logger().info("promotion: no test, since the same prices make the %s model again", record.status)
    return True


def _is_due(context: RunContext) -> bool:
    with context.store.reading() as tx:
        best = next(iter(tx.models.list_ladder(context.as_of, most=1)), None)
        tested = tx.promotions.load_latest(context.as_of)
    active = find_active(context)
    withdrawn_at = _find_withdrawal(context, active) if active else None
    serves = active is not None and _has_market(context, active)
    return is_retrain_due(
        context.as_of,
        best=best,
        active=_age(active) if serves else None,
        last_tested=tested.as_of if tested else None,
        max_age_days=context.settings.max_model_age_days,
        saw_withdrawn=withdrawn_at is not None and (tested is None or tested.decided_at < withdrawn_at),
    )


def _find_fault(context: RunContext, record: ModelRecord) -> str | None:
    """Return why no challenger needs to beat a model that can be rebuilt; None where it must."""
    if _find_withdrawal(context, record):
        return "was fitted on prices that were withdrawn since"
    return None if _has_market(context, record) else "has no recent prices of half of its reference universe"


def _has_market(context: RunContext, record: ModelRecord) -> bool:
    """Return whether half of a model's reference universe has prices that are recent enough to serve."""
    reference = context.store.load_model(record.version).manifest.reference
    with context.store.reading() as tx:
        spans = tx.prices.load_spans()
    recent = [
        ticker for ticker in reference if ticker in spans and is_recent(spans[ticker][1], context.as_of)
    ]
    return 2 * len(recent) >= len(reference)


def _find_withdrawal(context: RunContext, record: ModelRecord) -> datetime | None:
    """Return when prices that a model was fitted or tested on were withdrawn since (UTC); None if never."""
    with context.store.reading() as tx:
        withdrawn_at = tx.prices.find_last_withdrawal(record.evaluated_through or record.trained_through)
    return withdrawn_at if withdrawn_at and withdrawn_at > record.created_at else None


def _age(record: ModelRecord | None) -> ModelAge | None:
    if record is None:
        return None
    return ModelAge(record.version, record.trained_through, record.evaluated_through)


def _build_record(context: RunContext, model: Model, data_fingerprint: str) -> ModelRecord:
    return ModelRecord(
        version=model.version(),
        source=context.source.name,
        trained_through=model.manifest.trained_through,
        weights=model.weights(),
        config=model.manifest.model_dump_json(),
        metrics=dict(model.metrics),
        data_fingerprint=data_fingerprint,
        created_at=context.now,
    )
