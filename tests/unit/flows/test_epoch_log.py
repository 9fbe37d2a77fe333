"""Progress of a fit: few lines, and an estimate that the set-up before the first epoch does not spoil."""

from flows.steps.epoch_log import EpochLog
from forecasting.config import TrainingConfig

CONFIG = TrainingConfig(max_epochs=30, max_steps=300)


def report_epochs(seconds: list[float]) -> list[str]:
    """Lines about epochs of ten steps that end at the given times."""
    lines: list[str] = []
    times = iter(seconds)
    log = EpochLog(lines.append, CONFIG, clock=lambda: next(times))
    for epoch in range(len(seconds)):
        losses = {"training_loss": 0.5, "validation_loss": 0.25, "steps": 10.0 * (epoch + 1)}
        log(epoch, losses)
    return lines


def test_a_slow_fit_logs_an_estimate_every_epoch() -> None:
    losses = "training_loss 0.5000, validation_loss 0.2500"
    assert report_epochs([100, 120, 140]) == [
        f"train: epoch 1, step 10 of at most 300, {losses}",
        f"train: epoch 2, step 20 of at most 300, at most 0:09:20 left, {losses}",
        f"train: epoch 3, step 30 of at most 300, at most 0:09:00 left, {losses}",
    ]


def test_a_quick_fit_writes_a_line_in_ten_seconds() -> None:
    lines = report_epochs([0.5 * epoch for epoch in range(30)])
    assert [line.split(",")[0] for line in lines] == ["train: epoch 1", "train: epoch 21"]
