"""The settings: frozen, bounded, and strict about names."""

from datetime import date
from math import inf
from typing import Any

import pytest
from pydantic import ValidationError

from forecasting.config import (
    BacktestConfig,
    CalibrationConfig,
    Frozen,
    LogHarConfig,
    ModelConfig,
    MonitoringConfig,
    NetworkConfig,
    PromotionConfig,
    SimulationConfig,
    TrainingConfig,
    WarmStartConfig,
)

ALL = (
    BacktestConfig(start=date(2014, 1, 1), end=date(2014, 12, 31)),
    CalibrationConfig(),
    LogHarConfig(),
    ModelConfig(),
    MonitoringConfig(),
    NetworkConfig(),
    PromotionConfig(),
    SimulationConfig(),
    TrainingConfig(),
    WarmStartConfig(),
)
each_config = pytest.mark.parametrize("config", ALL, ids=lambda config: type(config).__name__)


def test_every_config_of_the_module_is_tested_here() -> None:
    configs = {kind for kind in Frozen.__subclasses__() if kind.__module__ == Frozen.__module__}
    assert {type(config) for config in ALL} == configs


@each_config
def test_settings_are_frozen(config: Frozen) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(config, next(iter(type(config).model_fields)), 1)


@each_config
def test_a_misspelt_name_is_refused(config: Frozen) -> None:
    with pytest.raises(ValidationError, match="hiden"):
        type(config).model_validate({**config.model_dump(), "hiden": 64})


@each_config
def test_every_setting_is_described_and_survives_json(config: Frozen) -> None:
    assert all(setting.description for setting in type(config).model_fields.values())
    assert type(config).model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (NetworkConfig, {"dropout": 0.0}),
        (NetworkConfig, {"dropout": 1.0}),
        (NetworkConfig, {"layers": 0}),
        (NetworkConfig, {"cell": "transformer"}),
        (NetworkConfig, {"head": (0, 32)}),
        (NetworkConfig, {"scale_bound": 0.0}),
        (TrainingConfig, {"lookback": 1}),
        (TrainingConfig, {"purge_sessions": 0}),
        (TrainingConfig, {"validation_fraction": 0.5}),
        (TrainingConfig, {"weighting": "quadratic"}),
        (TrainingConfig, {"seed": 2**63}),
        (TrainingConfig, {"huber_delta": inf}),
        (SimulationConfig, {"seed": 2**63}),
        (SimulationConfig, {"horizon": 31}),
        (SimulationConfig, {"horizon": 0}),
        (SimulationConfig, {"dropout_runs": 1}),
        (ModelConfig, {"price_basis": "as_traded"}),
        (LogHarConfig, {"degrees": 2.0}),
        (LogHarConfig, {"degrees": inf}),
        (LogHarConfig, {"market_ridge": inf}),
        (LogHarConfig, {"ridge_blocks": 1e308}),
        (CalibrationConfig, {"window_days": 10**9}),
        (CalibrationConfig, {"shared_rate": 1.0}),
        (PromotionConfig, {"sessions": 9}),
        (PromotionConfig, {"draws": 10**9}),
        (WarmStartConfig, {"tickers": 0}),
        (MonitoringConfig, {"tolerance": 1.0}),
    ],
)
def test_a_value_out_of_bounds_is_refused(kind: type[Frozen], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        kind(**wrong)


@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.5, 0.9), (0.025, 0.05, 0.5, 0.95, 0.975)])
def test_levels_that_form_bands_are_taken(levels: tuple[float, ...]) -> None:
    assert SimulationConfig(levels=levels).levels == levels


@pytest.mark.parametrize(
    "levels",
    [(), (0.05, 0.95), (0.05, 0.5, 0.9), (0.95, 0.5, 0.05), (0.1, 0.5, 0.5, 0.9), (0.0, 0.5, 1.0)],
)
def test_levels_that_form_no_bands_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="levels must"):
        SimulationConfig(levels=levels)


@pytest.mark.parametrize(("horizons", "every", "block"), [((1,), 3, 2), ((1, 5, 10), 3, 6), ((30,), 21, 4)])
def test_a_block_of_dates_spans_the_longest_outcome_by_half(
    horizons: tuple[int, ...], every: int, block: int
) -> None:
    assert PromotionConfig(horizons=horizons, every=every).block == block


def test_a_rougher_simulation_has_at_most_so_many_dropout_runs() -> None:
    config = SimulationConfig(dropout_runs=50, noise_paths=5, seed=3)
    assert config.at_most(20) == config.model_copy(update={"dropout_runs": 20})
    assert config.at_most(100) == config


@pytest.mark.parametrize(
    ("levels", "coverage"), [((0.05, 0.5, 0.95), 0.9), ((0.1, 0.5, 0.9), 0.8), ((0.025, 0.5, 0.975), 0.95)]
)
def test_the_nominal_coverage_lies_between_the_outermost_levels(
    levels: tuple[float, ...], coverage: float
) -> None:
    assert SimulationConfig(levels=levels).nominal_coverage == coverage
