"""Calibration: what the bands really issued, and the closes that followed, say of the next band's width."""

from forecasting.calibration.fit import learn
from forecasting.calibration.outcomes import CLOSED
from forecasting.calibration.state import Calibration

__all__ = ["CLOSED", "Calibration", "learn"]
