"""Fit a network to its best validation loss."""

import logging
import warnings
from collections.abc import Sequence

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch.utils.data import DataLoader

from forecasting.config import TrainingConfig
from forecasting.errors import ModelError
from forecasting.model.dataset import (
    Sequences,
    Split,
    TrainingSet,
    build_sequences,
    cover_ends,
    tile_ends,
)
from forecasting.model.lightning_module import BandModule, BestWeights, EpochReport, SequenceBatches
from forecasting.model.losses import huber_likelihood, weighted_mean
from forecasting.model.network import StackedLSTM


def fit_network(
    network: StackedLSTM, data: TrainingSet, split: Split, *, config: TrainingConfig, report: EpochReport
) -> dict[str, float]:
    """Fit the network in place: the linear skip first, then everything, until validation no longer improves.

    Returns:
        The metrics of the epoch whose weights were kept.

    Raises:
        ModelError: The loss was not finite.
    """
    fit_skip(network, data, split, config=config)
    keeper = BestWeights(report)
    stopper = EarlyStopping("validation_loss", patience=config.patience, check_finite=True)
    training, validation = _loaders(data, split, config)
    _fit_quietly(
        BandModule(network, config), [keeper, stopper], config, training=training, validation=validation
    )
    if not keeper.best:
        raise ModelError(
            "Expected a finite validation loss, found none in any epoch; look for broken prices."
        )
    network.load_state_dict(keeper.best)
    return keeper.metrics


def fit_skip(network: StackedLSTM, data: TrainingSet, split: Split, *, config: TrainingConfig) -> None:
    """Fit the linear log-HAR term alone (a small convex problem), where training starts from."""
    if network.config.linear_skip == "none" or not network.config.scale_head:
        return
    features = torch.as_tensor(data.features[split.training], dtype=torch.float32)
    target = torch.as_tensor(data.target[split.training], dtype=torch.float32)
    weights = torch.as_tensor(split.weights[split.training], dtype=torch.float32)
    solver = torch.optim.LBFGS(network.skip.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        log_scale = network.linear_part(features)
        likelihood = huber_likelihood(target, torch.zeros_like(target), log_scale, delta=config.huber_delta)
        loss = weighted_mean(likelihood, weights)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]  # as above


def _loaders(data: TrainingSet, split: Split, config: TrainingConfig) -> tuple[DataLoader, DataLoader]:  # type: ignore[type-arg]  # batches are made by the dataset
    fitted = build_sequences(data, split.weights, config)
    ones = np.zeros_like(split.weights)
    ones[split.validation] = 1
    held_out = build_sequences(data, ones, config)
    segment = fitted.length - fitted.context
    ends = cover_ends(split.training, data, segment)
    return (
        _loader(fitted, ends, len(split.training) // segment + 1, config=config, seed=config.seed),
        _loader(
            held_out,
            tile_ends(split.validation, data, segment),
            len(split.validation),
            config=config,
            seed=None,
        ),
    )


def _loader(
    source: Sequences, ends: np.ndarray, per_epoch: int, *, config: TrainingConfig, seed: int | None
) -> DataLoader:  # type: ignore[type-arg]  # as above
    usable = ends[ends - source.start.numpy()[ends] >= source.context]
    batches = SequenceBatches(source, torch.as_tensor(usable), per_epoch, size=config.batch_size, seed=seed)
    return DataLoader(batches, batch_size=None, shuffle=False, num_workers=0)


def _fit_quietly(
    module: BandModule,
    callbacks: Sequence[pl.Callback],
    config: TrainingConfig,
    *,
    training: DataLoader,  # type: ignore[type-arg]  # as above
    validation: DataLoader,  # type: ignore[type-arg]  # as above
) -> None:
    for name in ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning.accelerators.cuda"):
        logging.getLogger(name).setLevel(logging.WARNING)
    trainer = pl.Trainer(
        max_epochs=config.max_epochs,
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
    # Lightning would put its own handlers of signals in place of those of whoever runs this: a run that is
    # cancelled in mid-training must end as that one wants it to.
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]  # no option
    with warnings.catch_warnings():
        # The batches lie in memory: worker processes would only cost their start.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # Lightning 2.6 asks torch 2.13's pytree in a way that the next torch will not answer.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
        trainer.fit(module, training, validation)
