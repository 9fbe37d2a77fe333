"""Fit a network to its best validation loss."""

import logging
import warnings
from collections.abc import Sequence

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping

from forecasting.config import SCORE_LEVELS, TrainingConfig
from forecasting.errors import ModelError
from forecasting.model.dataset import (
    Sequences,
    Split,
    TrainingSet,
    build_sequences,
    count_steps,
    cover_ends,
    tile_ends,
)
from forecasting.model.lightning_module import (
    BandModule,
    BestWeights,
    EpochCallback,
    ScaleLoss,
    SequenceBatches,
)
from forecasting.model.log_har import LogHar
from forecasting.model.losses import huber_likelihood, minimise, pinball_loss, weighted_mean
from forecasting.model.memory import return_freed_memory
from forecasting.model.network import StackedLSTM


def fit_network(
    network: StackedLSTM,
    data: TrainingSet,
    split: Split,
    *,
    linear: LogHar,
    config: TrainingConfig,
    on_epoch: EpochCallback,
) -> dict[str, float]:
    """Fit the network in place to what the linear part leaves, until validation no longer improves.

    Args:
        network: Untrained.
        data: Outcomes over the scale that the linear part expects.
        split: Which of them are scored.
        linear: The linear part, frozen; the pinball loss reads its residual quantiles.
        config: Loss, steps, step size.
        on_epoch: Called after each epoch.

    Returns:
        The metrics of the epoch whose weights were kept.

    Raises:
        ModelError: The loss was not finite.
    """
    loss = _choose_loss(linear, network.config.knots, config)
    keeper = BestWeights(network, on_epoch)
    stopper = EarlyStopping("validation_loss", patience=config.patience, check_finite=True)
    module = BandModule(network, config, loss=loss, constant=fit_constant(data, split, loss))
    return_freed_memory()
    training = _batch_training(data, split, config)
    validation = _batch_rows(data, split.validation, split.held_out, config=config)
    _fit_quietly(module, [keeper, stopper], config, training=training, validation=validation)
    if not keeper.best:
        raise ModelError(
            "Expected a finite validation loss, found none in any epoch; look for broken prices."
        )
    network.load_state_dict(keeper.best)
    centre_corrections(network.cpu(), data, split, config=config)
    return keeper.metrics


def fit_constant(data: TrainingSet, split: Split, loss: ScaleLoss) -> torch.Tensor:
    """Return the (K,) log of the loss's own scale of what the linear part leaves: a small convex problem."""
    target = torch.as_tensor(data.target[split.training], dtype=torch.float32)
    weights = torch.as_tensor(split.weights[split.training], dtype=torch.float32)
    known = torch.where(weights > 0, target, torch.zeros_like(target))

    def mean_loss(constant: torch.Tensor) -> torch.Tensor:
        return weighted_mean(loss(known, constant.expand_as(known)), weights)

    return minimise(mean_loss, torch.zeros(target.shape[1]), iterations=60)


def centre_corrections(
    network: StackedLSTM, data: TrainingSet, split: Split, *, config: TrainingConfig
) -> None:
    """Move the corrections so that their mean over the training rows is zero.

    The loss cannot tell their mean from its free constant; the residual quantiles of the linear part hold the
    level of the scale.
    """
    batches = _batch_rows(data, split.training, split.weights, config=config)
    total, weight = torch.zeros(len(network.config.knots)), torch.zeros(len(network.config.knots))
    with torch.inference_mode():
        for batch in batches:
            total += (network(batch.features).correction * batch.weights).sum(dim=(0, 1))
            weight += batch.weights.sum(dim=(0, 1))
    network.centre += total / weight.clamp(min=1e-9)


def _choose_loss(linear: LogHar, knots: Sequence[int], config: TrainingConfig) -> ScaleLoss:
    if config.loss == "huber":
        return lambda target, log_scale: huber_likelihood(target, log_scale, delta=config.huber_delta)
    quantiles = torch.as_tensor(linear.shape(knots, SCORE_LEVELS), dtype=torch.float32)
    levels = torch.tensor(SCORE_LEVELS)

    def loss(target: torch.Tensor, log_scale: torch.Tensor) -> torch.Tensor:
        on_device = quantiles.to(target.device)
        return pinball_loss(target, log_scale, on_device, levels=levels.to(target.device))

    return loss


def _batch_training(data: TrainingSet, split: Split, config: TrainingConfig) -> SequenceBatches:
    source = build_sequences(data, split.weights, config)
    segment = source.length - source.context
    ends = _usable(source, cover_ends(split.training, data, segment))
    steps = min(config.epoch_steps, config.max_steps)
    per_epoch = min(len(split.training) // segment + 1, steps * config.batch_size)
    return SequenceBatches(source, ends, per_epoch, size=config.batch_size, seed=config.seed)


def _batch_rows(
    data: TrainingSet, rows: np.ndarray, weights: np.ndarray, *, config: TrainingConfig
) -> SequenceBatches:
    """Return batches that score each of the rows once, as nearly as lengths allow, in order."""
    source = build_sequences(data, weights, config)
    ends = _usable(source, tile_ends(rows, data, source.length - source.context))
    return SequenceBatches(source, ends, len(ends), size=config.batch_size, seed=None)


def _usable(source: Sequences, ends: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(ends[ends - source.start.numpy()[ends] >= source.context])


def _fit_quietly(
    module: BandModule,
    callbacks: Sequence[pl.Callback],
    config: TrainingConfig,
    *,
    training: SequenceBatches,
    validation: SequenceBatches,
) -> None:
    for name in ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning.accelerators.cuda"):
        logging.getLogger(name).setLevel(logging.WARNING)
    trainer = pl.Trainer(
        # Whole epochs: Lightning would end at a bound of steps without validation.
        max_epochs=count_steps(len(training), config) // len(training),
        callbacks=list(callbacks),
        gradient_clip_val=config.gradient_clip,
        accelerator="auto",
        devices=1,
        deterministic=True,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )
    # Lightning would replace the signal handlers of the caller, who decides how a run that is cancelled in
    # mid-training ends.
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]  # no option
    with warnings.catch_warnings():
        # Lightning 2.6 calls a part of torch 2.13's pytree that is deprecated.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
        trainer.fit(module, training, validation)
