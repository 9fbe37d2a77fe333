"""Outcomes that a run cannot learn from, and faults of the code, while it calibrates."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NoReturn

import pytest

from flows.context import RunContext, open_context
from flows.steps import calibrate
from flows.steps.calibrate import learn_with_fallback
from forecasting.calibration import Calibration
from forecasting.errors import BadCalibrationError, TableError

DUE = datetime(2024, 6, 7, 22, 30, tzinfo=UTC)


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunContext]:
    """Of a run on a store without outcomes, and without Prefect's logger."""
    monkeypatch.setattr(calibrate, "get_run_logger", logging.getLogger)
    monkeypatch.setenv("BANDCAST_CALIBRATION__FEWEST_OUTCOMES", "1")
    with open_context(DUE, now=DUE, source="sample", tickers=("AAPL",)) as opened:
        yield opened


def fail_with(error: Exception) -> Callable[..., NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize(
    "error",
    [TableError("closed bands", "readable values", "text"), BadCalibrationError("finite numbers", "nan")],
)
def test_outcomes_that_cannot_be_learned_from_leave_the_bands_as_predicted(
    error: Exception,
    context: RunContext,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(calibrate, "load_closed_bands", fail_with(error))
    assert learn_with_fallback(context).state == Calibration.none().to_json()
    assert f"the bands stay as predicted, the outcomes cannot be learned from: {error}" in caplog.text


@pytest.mark.parametrize("function", ["load_closed_bands", "warm_start", "learn_calibration"])
def test_a_fault_of_the_code_raises(
    function: str, context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "warm_start", lambda _: {})
    monkeypatch.setattr(calibrate, function, fail_with(TypeError("of two arguments")))
    with pytest.raises(TypeError, match="of two arguments"):
        learn_with_fallback(context)
