"""Every size and rate of the method, in frozen, composed settings objects."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from forecasting.types import PriceBasis, Weighting

Cell = Literal["lstm", "gru", "rnn"]
Skip = Literal["all", "volatility", "none"]


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
    scale_head: bool = Field(True, description="Learn a log scale beside the location.")
    linear_skip: Skip = Field(
        "all",
        description="Features that a linear log-HAR term adds to log s: all, those of volatility, none.",
    )
    location_bound: float = Field(
        0.03, ge=0, le=10, description="Bound of |mu|, in units of current volatility."
    )
    scale_bound: float = Field(
        1.0, gt=0, le=5, description="Bound of the recurrent correction to the log scale."
    )


class TrainingConfig(Frozen):
    """How the network is fitted."""

    mode: Literal["sequence", "window"] = Field(
        "sequence", description="Score every session of a segment, or only the last one of each window."
    )
    lookback: int = Field(
        60, ge=2, le=500, description="Sessions that the network sees before a forecast (L)."
    )
    segment: int = Field(60, ge=1, le=500, description="Sessions scored in each training sequence.")
    history_sessions: int = Field(1460, ge=100, description="Sessions of history that are scored.")
    validation_fraction: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the sessions kept for validation."
    )
    purge_sessions: int = Field(5, ge=1, description="Sessions left out between training and validation.")
    batch_size: int = Field(64, ge=1, description="Sequences in a batch.")
    max_epochs: int = Field(100, ge=1, description="Upper bound of the epochs.")
    patience: int = Field(
        10, ge=1, description="Epochs without a better validation loss before training stops."
    )
    learning_rate: float = Field(1e-3, gt=0, lt=1, description="Adam's step size.")
    gradient_clip: float = Field(1.0, gt=0, description="Largest norm of a gradient.")
    huber_delta: float = Field(1.345, gt=0, description="Where the Huber loss turns from square to linear.")
    weighting: Weighting = Field("linear", description="How much more a recent session weighs.")
    seed: int = Field(7, ge=0, description="Seed of the initial weights, the masks and the order of batches.")


class ModelConfig(Frozen):
    """Everything that defines a model before it has seen data."""

    features: tuple[str, ...] = Field((), description="Names of the features, in order; empty means all.")
    price_basis: PriceBasis = Field("split_adjusted", description="Prices that people see, or total return.")
    direct_share: float = Field(
        0.5, ge=0, le=1, description="Share of the directly fitted log-HAR in the predictive quantiles."
    )
    network: NetworkConfig = Field(NetworkConfig(), description="Its architecture.")
    training: TrainingConfig = Field(TrainingConfig(), description="How it is fitted.")


class CalibrationConfig(Frozen):
    """How bands learn from what happened to earlier ones."""

    tail: float = Field(0.05, gt=0, lt=0.5, description="Nominal probability beyond each edge of the band.")
    half_life_years: float = Field(2.0, gt=0, description="Age at which an outcome counts half.")
    prior_blocks: float = Field(
        150, ge=0, description="Non-overlapping dates of issue that the predictive band's own word is worth."
    )
    pool_blocks: float = Field(
        600, ge=0, description="Non-overlapping outcomes of a ticker that the pool's word is worth."
    )
    shared_rate: float = Field(0.01, ge=0, lt=1, description="Feedback a session, of all tickers.")
    ticker_rate: float = Field(0.002, ge=0, lt=1, description="Feedback a session, of a ticker's own misses.")
    regime_rate: float = Field(0.01, ge=0, lt=1, description="Feedback a session, by market regime.")
    largest_feedback: float = Field(0.7, ge=0, le=2, description="Bound of each part's log multiplier.")
    fewest_outcomes: int = Field(
        250, ge=0, description="Closed forecasts (dates times tickers) under which history is walked first."
    )
    window_days: int = Field(1500, ge=30, description="Calendar days of forecasts that are learned from.")


class SimulationConfig(Frozen):
    """How many paths are drawn and which quantiles are kept."""

    horizon: int = Field(30, ge=1, le=30, description="Sessions forecast (H).")
    dropout_runs: int = Field(50, ge=2, le=1000, description="Monte-Carlo-dropout runs (M).")
    noise_paths: int = Field(20, ge=1, le=1000, description="Noise paths in each dropout run (K).")
    levels: tuple[float, ...] = Field((0.05, 0.25, 0.5, 0.75, 0.95), description="Quantile levels kept (Q).")
    seed: int = Field(7, ge=0, description="Seed of all random streams of the simulation.")

    @model_validator(mode="after")
    def _levels_form_a_band(self) -> "SimulationConfig":
        mirrored = tuple(round(1 - level, 10) for level in reversed(self.levels))
        if (
            self.levels != tuple(sorted(set(self.levels)))
            or mirrored != self.levels
            or 0.5 not in self.levels
        ):
            raise ValueError("levels must increase, be symmetric about 0.5 and contain it")
        if self.levels[0] <= 0:
            raise ValueError("levels must lie inside (0, 1)")
        return self
