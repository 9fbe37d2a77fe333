"""Every size, rate and limit of the method, in frozen, composed settings objects."""

import math
from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    field_validator,
    model_validator,
)

from forecasting.types import PriceBasis, Weighting

Cell = Literal["lstm", "gru", "rnn"]
Loss = Literal["huber", "pinball"]
Correction = Literal["auto", "on", "off"]

EARLIEST_DAY = date(1900, 1, 1)  # an earlier one is mistyped; a century before it is still a date
LONGEST_HORIZON = 30  # sessions ahead
FEWEST_DROPOUT_RUNS, MOST_DROPOUT_RUNS = 2, 1000  # one run alone has no spread
MOST_EPOCHS = 10_000
LARGEST_SEED = 2**31 - 1  # that a form or an option takes: a number that every reader of JSON has
LARGEST_STORED_SEED = 2**63 - 1  # that the store's column and PyTorch's generators have
LARGEST_PENALTY = 1e9  # far beyond any that leaves a coefficient other than zero, far below an overflow
MAIN_HORIZONS = (1, 5, 10, 20, 30)  # sessions ahead that people read and reports show
SHORT_HORIZONS = (1, 5, 10)  # those with enough outcomes in a few months to judge a model or a drift by
BAND_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of every band: its edges are what consumers read
SCORE_LEVELS = tuple(round(step / 20, 2) for step in range(1, 20))  # the grid behind every CRPS that compares
CALIBRATED_LEVELS = (0.01, 0.025, *SCORE_LEVELS, 0.975, 0.99)  # of the calibrated band, its tails included
TOUCH_MOVES = (-0.3, -0.2, -0.15, -0.1, -0.05, -0.02, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)  # of the anchor close


def _require_horizons(horizons: tuple[int, ...]) -> tuple[int, ...]:
    possible = range(1, LONGEST_HORIZON + 1)
    if not horizons or horizons != tuple(sorted({*horizons} & {*possible})):
        raise ValueError(f"horizons must increase and lie between 1 and {LONGEST_HORIZON}")
    return horizons


Horizons = Annotated[tuple[int, ...], AfterValidator(_require_horizons)]
DropoutRuns = Annotated[int, Field(ge=FEWEST_DROPOUT_RUNS, le=MOST_DROPOUT_RUNS)]


class Frozen(BaseModel):
    """Base of all settings: immutable, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkConfig(Frozen):
    """Architecture of the stacked recurrent network."""

    cell: Cell = Field("lstm", description="Recurrent cell.")
    layers: int = Field(3, ge=1, le=8, description="Stacked recurrent layers.")
    hidden: int = Field(128, ge=1, le=1024, description="Units of each recurrent layer.")
    dropout: float = Field(
        0.2, gt=0, lt=1, description="Probability that a unit is masked, after every layer."
    )
    head: tuple[PositiveInt, PositiveInt] = Field(
        (64, 32), description="Units of the two dense layers before the output."
    )
    market_inputs: bool = Field(False, description="Read the market's volatilities, too.")
    knots: tuple[int, ...] = Field(
        MAIN_HORIZONS, description="Horizons with an output of their own; those between lie on a line."
    )
    scale_bound: float = Field(0.5, gt=0, le=5, description="Bound of the correction to the log scale.")
    shrinkage: tuple[float, ...] = Field(
        (1.0, 0.7, 0.5, 0.35, 0.25), description="Share of the correction that counts at each knot."
    )

    @model_validator(mode="after")
    def _knots_are_horizons(self) -> "NetworkConfig":
        increasing = self.knots == tuple(sorted(set(self.knots)))
        if not increasing or self.knots[:1] != (1,) or self.knots[-1] > LONGEST_HORIZON:
            raise ValueError(f"knots must increase from 1 to at most {LONGEST_HORIZON}")
        if len(self.shrinkage) != len(self.knots) or not all(0 <= share <= 1 for share in self.shrinkage):
            raise ValueError("shrinkage must have a share of 0 to 1 for each of the knots")
        return self


class TrainingConfig(Frozen):
    """Fit of the network."""

    mode: Literal["sequence", "window"] = Field(
        "sequence", description="Score every session of a segment, or only the last one of each window."
    )
    lookback: int = Field(
        60, ge=2, le=500, description="Sessions that the network reads before a forecast (L)."
    )
    segment: int = Field(60, ge=1, le=500, description="Sessions scored in each training sequence.")
    history_sessions: int = Field(1460, ge=100, description="Sessions of history that are scored.")
    validation_fraction: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the sessions kept for validation."
    )
    purge_sessions: int = Field(5, ge=1, description="Sessions left out between training and validation.")
    batch_size: int = Field(64, ge=1, description="Sequences in a batch.")
    max_epochs: int = Field(100, ge=1, le=MOST_EPOCHS, description="Upper bound of the epochs.")
    epoch_steps: int = Field(
        100, ge=1, description="Upper bound of the steps of an epoch, after which validation follows."
    )
    max_steps: int = Field(2000, ge=1, description="Upper bound of the steps of a fit.")
    patience: int = Field(
        10, ge=1, description="Epochs without a better validation loss before training stops."
    )
    learning_rate: float = Field(1e-3, gt=0, lt=1, description="Adam's step size.")
    gradient_clip: float = Field(1.0, gt=0, description="Largest norm of a gradient.")
    loss: Loss = Field("huber", description="Likelihood of the Huber density, or pinball loss.")
    huber_delta: float = Field(
        1.345, gt=0, le=1e6, description="Where the Huber loss turns from square to linear."
    )
    weighting: Weighting = Field("linear", description="How much more a recent session weighs.")
    seed: int = Field(
        7,
        ge=0,
        le=LARGEST_STORED_SEED,
        description="Seed of the initial weights, the masks and the order of batches.",
    )


class LogHarConfig(Frozen):
    """Fit of the log-HAR regression of each horizon."""

    degrees: float = Field(6.0, gt=2, le=1e9, description="Degrees of freedom of the Student-t likelihood.")
    weighting: Weighting = Field("linear", description="How much more a recent session weighs.")
    history_sessions: int = Field(2500, ge=280, description="Sessions of history that are fitted.")
    market_ridge: float = Field(
        0.01,
        ge=0,
        le=LARGEST_PENALTY,
        description="Penalty for each session of the horizon on the squared standardised coefficients of the "
        "market: all tickers share its few blocks.",
    )
    ridge_blocks: float = Field(
        30.0,
        ge=0,
        le=LARGEST_PENALTY,
        description="Strength of the belief that a standardised coefficient is zero, in outcomes of a ticker "
        "that do not overlap; a horizon of many sessions has few of those.",
    )
    fewest_blocks: float = Field(
        10.0,
        ge=0,
        description="Such outcomes for each coefficient, under which a horizon takes over the coefficients "
        "of the next shorter one.",
    )
    max_iterations: int = Field(50, ge=1, description="Upper bound of the solver's steps for a horizon.")


class ModelConfig(Frozen):
    """Everything that defines a model before it has seen data."""

    features: tuple[str, ...] = Field((), description="Names of the features, in order; empty means all.")
    price_basis: PriceBasis = Field("split_adjusted", description="Prices that people see, or total return.")
    correction: Correction = Field(
        "auto",
        description="Correct the bands by the network: where it was trained on enough tickers, or not.",
    )
    correction_tickers: int = Field(
        100, ge=1, description="Tickers that a network needs for its correction to count (auto)."
    )
    reference_tickers: int = Field(
        100,
        ge=1,
        le=1000,
        description="Tickers whose mean variance is the market's, at most; fetched daily.",
    )
    network: NetworkConfig = Field(NetworkConfig(), description="Architecture of the network.")
    training: TrainingConfig = Field(TrainingConfig(), description="Fit of the network.")
    log_har: LogHarConfig = Field(LogHarConfig(), description="Fit of the linear part.")


class CalibrationConfig(Frozen):
    """Learning rates and prior strengths of the calibration."""

    half_life_years: float = Field(2.0, gt=0, description="Age at which an outcome counts half.")
    prior_blocks: float = Field(
        150, ge=0, description="Prior strength of the predictive band, in non-overlapping issue dates."
    )
    pool_blocks: float = Field(
        600, ge=0, description="Prior strength of the pool, in non-overlapping outcomes of a ticker."
    )
    report_blocks: float = Field(
        50,
        ge=0,
        description="Strength of the belief that windows with an earnings report need no multiplier of their "
        "own, in such outcomes that do not overlap.",
    )
    shared_rate: float = Field(0.01, ge=0, lt=1, description="Feedback a session, of all tickers.")
    ticker_rate: float = Field(0.002, ge=0, lt=1, description="Feedback a session, of a ticker's own misses.")
    regime_rate: float = Field(0.01, ge=0, lt=1, description="Feedback a session, by market regime.")
    largest_feedback: float = Field(0.7, ge=0, le=2, description="Bound of each part's log multiplier.")
    fewest_outcomes: int = Field(
        250, ge=0, description="Closed forecasts (dates times tickers) under which history is walked first."
    )
    window_days: int = Field(
        1500, ge=30, le=100_000, description="Calendar days of forecasts that are learned from."
    )


class SimulationConfig(Frozen):
    """Number of dropout runs and simulated paths, and the quantiles of a forecast."""

    horizon: int = Field(LONGEST_HORIZON, ge=1, le=LONGEST_HORIZON, description="Sessions forecast (H).")
    dropout_runs: DropoutRuns = Field(50, description="Monte-Carlo-dropout runs (M).")
    noise_paths: int = Field(20, ge=1, le=1000, description="Noise paths in each dropout run (K).")
    odds: bool = Field(True, description="Simulate paths for the odds of touches and drawdowns.")
    levels: tuple[float, ...] = Field(
        BAND_LEVELS,
        description="Quantile levels (Q); others than these serve comparisons and are not stored.",
    )
    seed: int = Field(
        7, ge=0, le=LARGEST_STORED_SEED, description="Seed of all random streams of the simulation."
    )
    largest_drift: float = Field(
        0.0198,
        ge=0,
        description="Log return that a median promises in 30 sessions at most, either way; in proportion at "
        "shorter horizons.",
    )
    narrowest_band: float = Field(
        1 / 3, ge=0, le=1, description="Width of a published band, at least, over the calmest random walk's."
    )
    widest_band: float = Field(
        3.0,
        ge=1,
        description="Width of a published band, at most, over the wildest random walk's, reports included.",
    )

    @property
    def nominal_coverage(self) -> float:
        """Nominal probability between the outermost levels."""
        return round(self.levels[-1] - self.levels[0], 10)

    def at_levels(self, levels: tuple[float, ...]) -> "SimulationConfig":
        """Return the same with quantiles at other levels."""
        return self.model_copy(update={"levels": levels})

    def at_most(self, dropout_runs: int) -> "SimulationConfig":
        """Return the same with no more than so many runs."""
        return self.model_copy(update={"dropout_runs": min(self.dropout_runs, dropout_runs)})

    def without_bounds(self) -> "SimulationConfig":
        """Return the same for bands that are scored and not published: they may have any width."""
        return self.model_copy(update={"narrowest_band": 0.0, "widest_band": math.inf})

    @model_validator(mode="after")
    def _levels_form_a_band(self) -> "SimulationConfig":
        mirrored = tuple(round(1 - level, 10) for level in reversed(self.levels))
        increasing = self.levels == tuple(sorted(set(self.levels)))
        if not increasing or mirrored != self.levels or 0.5 not in self.levels:
            raise ValueError("levels must increase, be symmetric about 0.5 and contain it")
        if self.levels[0] <= 0:
            raise ValueError("levels must lie inside (0, 1)")
        return self


class SimulationSettings(SimulationConfig):
    """Simulation settings of stored forecasts: the levels are fixed, the same for every reader."""

    @field_validator("levels")
    @classmethod
    def _levels_are_fixed(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if levels != BAND_LEVELS:
            raise ValueError("the stored levels are no setting any more; remove it")
        return levels


class PromotionConfig(Frozen):
    """Sessions held out for the comparison of two models, and the result that promotes one."""

    sessions: int = Field(63, ge=10, le=504, description="Last sessions that no model is trained on.")
    every: int = Field(3, ge=1, le=21, description="Sessions from one origin to the next.")
    horizons: Horizons = Field(SHORT_HORIZONS, description="Horizons compared, in sessions.")
    draws: int = Field(2000, ge=200, le=1_000_000, description="Resampled means behind each bound.")
    tolerance: float = Field(
        0.005, ge=0, lt=0.1, description="How much worse an old champion's successor may at most be."
    )
    seed: int = Field(7, ge=0, description="Seed of the resampling.")
    purge_sessions: int = Field(
        5, ge=1, description="Sessions between the last one that training saw and the first origin."
    )
    dropout_runs: DropoutRuns = Field(20, description="Dropout runs of each forecast, at most.")
    tickers: int = Field(
        60, ge=1, le=1000, description="Tickers compared on, at most: those that are forecast first."
    )

    @property
    def block(self) -> int:
        """Dates drawn together: as many as the longest outcome spans, half as many again, and one.

        With fewer, the bound of scores that are as dependent as overlapping outcomes can make them holds in
        less than 95 % of cases (measured on 18 and 21 dates).
        """
        return 1 + math.ceil(1.5 * max(self.horizons) / self.every)


class WarmStartConfig(Frozen):
    """The walk over history that a young store learns its first calibration from."""

    sessions: int = Field(
        504, ge=1, le=5040, description="Sessions walked before the first forecast that is issued."
    )
    every: int = Field(10, ge=1, le=252, description="Sessions from one origin to the next.")
    fewest_fitted: int = Field(400, ge=1, description="Sessions left for the model that is walked.")
    # Thousands of bands are pooled: each may be rough, and more tickers teach the pool little.
    tickers: int = Field(24, ge=1, le=1000, description="Tickers walked at most, drawn by the seed.")
    dropout_runs: DropoutRuns = Field(10, description="Dropout runs of each forecast, at most.")


class MonitoringConfig(Frozen):
    """When the coverage of issued bands counts as drifted."""

    horizons: Horizons = Field(SHORT_HORIZONS, description="Horizons watched, in sessions.")
    sessions: int = Field(60, ge=1, description="Last sessions of issue that are judged.")
    fewest_sessions: int = Field(20, ge=1, description="Sessions under which nothing is judged.")
    tolerance: float = Field(0.05, ge=0, lt=1, description="Tolerated distance from nominal coverage.")
    standard_errors: float = Field(3.0, ge=0, description="Standard errors that chance explains.")


class BacktestConfig(Frozen):
    """Span and pace of a backtest, in sessions of the market."""

    start: date = Field(description="First session to forecast from.")
    end: date = Field(description="Last session to forecast from.")
    every: int = Field(5, ge=1, le=252, description="Sessions between origins.")
    retrain_every: int = Field(252, ge=1, description="Sessions between fits.")
    warm_up_sessions: int = Field(
        504, ge=0, description="Sessions before `start` whose forecasts feed the calibration alone."
    )
    warm_up_every: int = Field(5, ge=1, description="Sessions between warm-up origins, at least.")
    first_fit: int = Field(
        400, ge=1, description="Sessions before any fit: log-HAR needs 280, the network its lookback."
    )
    horizons: Horizons = Field(MAIN_HORIZONS, description="Horizons kept.")

    @model_validator(mode="after")
    def _is_a_span(self) -> "BacktestConfig":
        if self.end < self.start:
            raise ValueError("the end must not lie before the start")
        return self
