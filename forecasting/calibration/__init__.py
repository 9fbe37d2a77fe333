"""Calibration: what the bands really issued, and the closes that followed, say of the next band's width."""

from forecasting.calibration.closed import CLOSED
from forecasting.calibration.correction import Calibration
from forecasting.calibration.learning import learn

__all__ = ["CLOSED", "Calibration", "learn"]
