"""Calibration: band widths learned from the bands really issued and the closes that followed."""

from forecasting.calibration.fit import learn_calibration
from forecasting.calibration.state import Calibration

__all__ = ["Calibration", "learn_calibration"]
