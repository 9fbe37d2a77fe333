"""The calibration state of one session: learned log multipliers, and their effect on a band."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from forecasting.errors import BadCalibrationError
from forecasting.faults import describe_error
from forecasting.types import REGIMES, Floats

LARGEST = float(np.log(4))
_LARGEST_STATE = 6.0  # log; conformal multipliers end at 5, and two parts of feedback at 2 each


@dataclass(frozen=True)
class Calibration:
    """Factors that widen or narrow each tail of the predictive band; the median stays.

    Attributes:
        pool: (2, H) log multipliers of the lower and the upper tail for a ticker without a past.
        by_ticker: Ticker -> (2, H), in place of the pool's.
        regime: (3, 2, H) added by the regime at issue, in the order of REGIMES.
        report: (2, H) added where a report is expected up to the horizon; (2, 0) where none was learned from.
        pooled: (H,) closed forecasts of all tickers that were learned from.
    """

    pool: Floats
    by_ticker: Mapping[str, Floats]
    regime: Floats
    pooled: Floats = field(default_factory=lambda: np.zeros(0))
    report: Floats = field(default_factory=lambda: np.zeros((2, 0)))

    @classmethod
    def none(cls) -> "Calibration":
        """Return the calibration that has learned from no outcome and changes no band."""
        return cls(np.zeros((2, 0)), {}, np.zeros((len(REGIMES), 2, 0)))

    @property
    def outcomes_total(self) -> int:
        """Closed forecasts behind it, over all tickers and horizons."""
        return int(self.pooled.sum())

    def count_outcomes(self, horizon: int) -> tuple[int, ...]:
        """Count the closed forecasts behind each horizon 1 .. `horizon`."""
        padded = np.zeros(horizon)
        padded[: len(self.pooled)] = self.pooled[:horizon]
        return tuple(int(count) for count in padded)

    def multipliers(
        self, ticker: str, regime: str, horizons: Sequence[int], *, reports_ahead: Sequence[int] | None = None
    ) -> Floats:
        """Return (2, H) factors of the distance from the median; the longest learned horizon holds beyond.

        Args:
            ticker: Whose own past counts.
            regime: The market's at issue, one of REGIMES.
            horizons: The H horizons.
            reports_ahead: (H,) earnings reports expected up to each; None where no dates are known.
        """
        total = self.by_ticker.get(ticker, self.pool) + self.regime[REGIMES.index(regime)]
        if not total.shape[1]:
            return np.ones((2, len(horizons)))
        index = np.minimum(np.asarray(horizons) - 1, total.shape[1] - 1)
        learned = total[:, index]
        if reports_ahead is not None and self.report.shape[1]:
            learned = learned + np.where(np.asarray(reports_ahead) >= 1, self.report[:, index], 0.0)
        factors: Floats = np.exp(np.clip(learned, -LARGEST, LARGEST))
        return factors

    def apply(
        self,
        ticker: str,
        regime: str,
        quantiles: Floats,
        *,
        levels: Sequence[float],
        horizons: Sequence[int] | None = None,
        reports_ahead: Sequence[int] | None = None,
    ) -> Floats:
        """Return the (H, Q) calibrated quantiles of (H, Q) predictive ones.

        The factor learned at the edge fades to 1 at the median in proportion to the normal quantile of the
        level. A distance from the median never shrinks outwards, so that quantiles cannot cross, nor with the
        horizon.

        Args:
            ticker: Whose own past counts.
            regime: The market's at issue, one of REGIMES.
            quantiles: Of the cumulative log return.
            levels: The Q levels, 0.5 among them.
            horizons: The H horizons; None for 1 to H.
            reports_ahead: (H,) earnings reports expected up to each; None where no dates are known.
        """
        middle = list(levels).index(0.5)
        steps = horizons or range(1, len(quantiles) + 1)
        factors = self.multipliers(ticker, regime, steps, reports_ahead=reports_ahead)
        tail = np.where(np.arange(len(levels)) < middle, 0, 1)
        wider = np.exp(np.log(factors[tail]).T * edge_share(levels))
        centre = quantiles[:, [middle]]
        distance = _grow_outwards(np.abs(quantiles - centre) * wider, middle)
        return centre + np.where(tail == 0, -distance, distance)

    def to_json(self) -> str:
        """Return the state as JSON text; floats keep all their digits."""
        plain = {
            "pool": self.pool.tolist(),
            "own": {ticker: value.tolist() for ticker, value in self.by_ticker.items()},
            "regime": self.regime.tolist(),
            "pooled": self.pooled.tolist(),
            "report": self.report.tolist(),
        }
        return json.dumps(plain, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Calibration":
        """Read the state that `to_json` wrote.

        Raises:
            BadCalibrationError: The text is not such a state, or one that cannot have been learned.
        """
        try:
            plain = json.loads(text)
            by_ticker = {ticker: np.array(value) for ticker, value in plain["own"].items()}
            pool = np.array(plain["pool"]).reshape(2, -1)
            regime = np.array(plain["regime"]).reshape(len(REGIMES), 2, -1)
            report = np.array(plain.get("report", [[], []])).reshape(2, -1)  # none before reports counted
            state = cls(pool, by_ticker, regime, np.array(plain["pooled"]), report)
            state.check()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadCalibrationError("a stored calibration", describe_error(error)) from error
        return state

    def check(self) -> None:
        """Raise unless the state can have been learned.

        Raises:
            BadCalibrationError: Its parts do not have the same horizons, a number is not finite, a multiplier
                is larger than the method can make it, or a count is negative.
        """
        horizons = self.pool.shape[1]
        shapes = {
            *(multipliers.shape for multipliers in self.by_ticker.values()),
            self.regime.shape[1:],
            self.pool.shape,
        }
        is_odd = self.report.shape not in {(2, horizons), (2, 0)}
        if shapes != {(2, horizons)} or self.pooled.shape != (horizons,) or is_odd:
            raise BadCalibrationError("a calibration of the same horizons in each part", "others")
        parts = {
            **self.by_ticker,
            "the pool": self.pool,
            "the regimes": self.regime,
            "the reports": self.report,
        }
        for name, part in parts.items():
            if not (np.abs(part) <= _LARGEST_STATE).all():
                expected = f"log multipliers of {name} within {_LARGEST_STATE:g}"
                raise BadCalibrationError(expected, f"{np.abs(part).max():g}")
        if not (np.isfinite(self.pooled) & (self.pooled >= 0)).all():
            raise BadCalibrationError("finite numbers of outcomes of 0 or more", f"{self.pooled.min():g}")


def edge_share(levels: Sequence[float]) -> Floats:
    """Return the (Q,) normal quantile of each level over the outermost: 1 at the edges, 0 at the median."""
    normal = np.array([NormalDist().inv_cdf(level) for level in levels])
    share: Floats = np.abs(normal) / np.abs(normal).max()
    return share


def _grow_outwards(distance: Floats, middle: int) -> Floats:
    """(H, Q) distances made to grow outwards from the median and with the horizon."""
    lower = np.maximum.accumulate(distance[:, middle::-1], axis=1)[:, ::-1]
    upper = np.maximum.accumulate(distance[:, middle:], axis=1)
    return np.maximum.accumulate(np.concatenate([lower[:, :-1], upper], axis=1), axis=0)
