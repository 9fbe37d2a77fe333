"""Lightning shell around the network: losses, batches and the weights of the best epoch."""

import math
from collections.abc import Callable, Iterator

import pytorch_lightning as pl
import torch
from torch import Tensor

from forecasting.config import TrainingConfig
from forecasting.model.dataset import Batch, Sequences
from forecasting.model.losses import weighted_mean
from forecasting.model.network import StackedLSTM

EpochCallback = Callable[[int, dict[str, float]], None]
ScaleLoss = Callable[[Tensor, Tensor], Tensor]  # targets and log scales (..., K) -> (..., K)


class BandModule(pl.LightningModule):
    """Fit the corrections of a network under recency weights.

    Args:
        network: The network.
        config: Step size and seed.
        loss: Of targets and log scales.
        constant: (K,) where the free constant beside the corrections starts; no forecast uses it, because the
            residual quantiles hold the level of the scale.
    """

    def __init__(
        self, network: StackedLSTM, config: TrainingConfig, *, loss: ScaleLoss, constant: Tensor
    ) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.constant = torch.nn.Parameter(constant.clone())
        self._loss = loss
        self._masks = torch.Generator().manual_seed(config.seed)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the loss under fresh masks, one a sequence."""
        masks = self.network.draw_masks(len(batch.features), self._masks)
        loss = self._mean_loss(batch, tuple(mask.to(self.device) for mask in masks))
        self.log("training_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.features))
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Return the loss of the deterministic network."""
        loss = self._mean_loss(batch, None)
        self.log("validation_loss", loss, batch_size=int(batch.weights.sum()))

    def _mean_loss(self, batch: Batch, masks: tuple[Tensor, ...] | None) -> Tensor:
        log_scale = self.network(batch.features, masks).correction + self.constant
        return weighted_mean(self._loss(batch.target, log_scale), batch.weights)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam over the parameters of the network."""
        return torch.optim.Adam(self.parameters(), lr=self.config.learning_rate)


class SequenceBatches:
    """Batches of sequences; shuffled anew for each epoch when a seed is given.

    Each epoch draws as many sequences as it takes to score every row once, or as many as its steps allow.
    """

    def __init__(
        self, source: Sequences, ends: Tensor, per_epoch: int, *, size: int, seed: int | None
    ) -> None:
        self._source, self._ends, self._size = source, ends, size
        self._per_epoch = min(per_epoch, len(ends))
        self._generator = None if seed is None else torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return math.ceil(self._per_epoch / self._size)

    def __iter__(self) -> Iterator[Batch]:
        ends = self._ends
        if self._generator is not None:
            ends = ends[torch.randperm(len(ends), generator=self._generator)]
        yield from map(self._source.gather, torch.split(ends[: self._per_epoch], self._size))


class BestWeights(pl.Callback):
    """Keep the weights of the epoch with the lowest validation loss, in memory."""

    def __init__(self, network: StackedLSTM, on_epoch: EpochCallback) -> None:
        self._network, self._on_epoch = network, on_epoch
        self.best: dict[str, Tensor] = {}
        self.metrics: dict[str, float] = {}

    def on_train_epoch_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Compare, keep and call back; validation has ended, and the training loss is this epoch's own."""
        now = {name: float(value) for name, value in trainer.callback_metrics.items()}
        now["steps"] = float(trainer.global_step)
        if now["validation_loss"] < self.metrics.get("validation_loss", float("inf")):
            self.metrics = {**now, "best_epoch": float(trainer.current_epoch)}
            self.best = {name: value.detach().clone() for name, value in self._network.state_dict().items()}
        self._on_epoch(trainer.current_epoch, now)
