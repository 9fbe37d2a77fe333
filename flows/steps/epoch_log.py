"""Progress of a fit in the run's log."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from forecasting.config import TrainingConfig
from forecasting.model.dataset import count_steps

SECONDS_BETWEEN_LINES = 10.0


@dataclass
class EpochLog:
    """Write a line for an epoch, one in ten seconds at most, with the time that the fit can take yet.

    Attributes:
        write: Takes the line.
        config: Of the fit: its most epochs and steps.
        clock: Seconds.
    """

    write: Callable[[str], object]
    config: TrainingConfig
    clock: Callable[[], float] = time.monotonic
    # Time and steps of the first epoch's end: set-up is over.
    _first: tuple[float, int] | None = field(default=None, init=False)
    _written: float = field(default=0.0, init=False)

    def __call__(self, epoch: int, losses: dict[str, float]) -> None:
        """Report an epoch, counted from 0, with its losses and the steps so far."""
        now, steps = self.clock(), int(losses["steps"])
        if self._first is not None and now - self._written < SECONDS_BETWEEN_LINES:
            return
        most = count_steps(steps // (epoch + 1), self.config)
        since, done = self._first = self._first or (now, steps)
        self._written = now
        left = ""
        if steps > done:
            seconds = round((now - since) / (steps - done) * (most - steps))
            left = f", at most {timedelta(seconds=seconds)} left"
        self.write(f"train: epoch {epoch + 1}, step {steps} of at most {most}{left}, {format_losses(losses)}")


def format_losses(losses: Mapping[str, float]) -> str:
    """Return the losses of training and validation."""
    return ", ".join(f"{name} {losses[name]:.4f}" for name in ("training_loss", "validation_loss"))
