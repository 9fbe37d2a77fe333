"""A fault of one ticker has a name and stops no other, in every verb that takes several tickers.

Beside two healthy shares: one whose exchange calendar ends with 2026, one with a short history, one that was
halted, and one with broken bars.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import ignore_epoch, make_history

from forecasting.backtesting.walk_forward import (
    IN_TURN,
    Methods,
    issue_forecasts,
    list_left_out,
    walk_forward,
)
from forecasting.backtesting.warm_start import walk_before
from forecasting.config import (
    CalibrationConfig,
    ModelConfig,
    PromotionConfig,
    SimulationConfig,
    WarmStartConfig,
)
from forecasting.errors import PriceError
from forecasting.features.market import compute_market_variance
from forecasting.features.preparation import prepare_returns
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast
from forecasting.model.artifact import Model
from forecasting.pipeline import Forecaster, fit_model, forecast_ticker
from forecasting.prices.history import PriceHistory
from forecasting.promotion.evaluate import Trial, evaluate_challenger

AS_OF = date(2026, 12, 30)
LATE = date(2026, 12, 1)  # from here on Mumbai's calendar does not reach 30 sessions ahead
HALT = date(2025, 12, 1)
HEALTHY = ("AAA", "BBB")
LEFT_OUT = {"INFY.NS": "sessions_unknown", "YOUNG": "short_history", "HALTED": "stale"}
Universe = Mapping[str, DailyReturns]


def build_history(ticker: str, sessions: int, seed: int) -> PriceHistory:
    history = make_history(ticker, sessions, seed)
    days = pd.bdate_range(end=AS_OF, periods=sessions).as_unit("s").rename("session")
    return replace(history, bars=history.bars.set_axis(days))


@pytest.fixture(scope="module")
def stored() -> list[PriceHistory]:
    broken = build_history("BROKEN", 460, seed=6)
    broken.bars.iloc[100, broken.bars.columns.get_loc("low")] = -1.0
    return [
        build_history("AAA", 460, seed=1),
        broken,
        build_history("INFY.NS", 460, seed=3),
        build_history("YOUNG", 75, seed=4),
        build_history("BBB", 420, seed=2),
        build_history("HALTED", 460, seed=5).until(HALT),
    ]


@pytest.fixture(scope="module")
def universe(stored: list[PriceHistory]) -> Universe:
    """What a run goes on with: the returns of every history whose bars a market can have printed."""
    prepared: dict[str, DailyReturns] = {}
    refused: dict[str, str] = {}
    for history in stored:
        try:
            prepared[history.ticker] = prepare_returns(history, "split_adjusted")
        except PriceError as error:
            refused[error.ticker] = error.reason
    assert refused == {"BROKEN": "non_positive_price"}
    return prepared


@pytest.fixture(scope="module")
def early_model(universe: Universe, tiny_config: ModelConfig) -> Model:
    """A model that has seen none of the last hundred sessions."""
    last: date = universe["AAA"].session[-101].item()
    return fit_model(list(universe.values()), last, tiny_config, on_epoch=ignore_epoch)


@pytest.fixture(scope="module")
def early_forecaster(early_model: Model, universe: Universe) -> Forecaster:
    simulation = SimulationConfig(horizon=30, dropout_runs=2, noise_paths=2)
    return Forecaster(early_model, compute_market_variance(universe.values()), simulation)


def test_a_fit_goes_on_without_the_short_history_and_names_it(universe: Universe, early_model: Model) -> None:
    manifest = early_model.manifest
    assert manifest.left_out.keys() == {"YOUNG"}
    assert manifest.left_out["YOUNG"].startswith("YOUNG: expected at least 83 sessions of history, found 0")
    assert manifest.reference == ("AAA", "BBB", "HALTED", "INFY.NS")


@pytest.mark.parametrize("has_model", [True, False])
def test_forecasts_go_on_and_each_fault_has_its_reason(
    has_model: bool, universe: Universe, early_forecaster: Forecaster
) -> None:
    forecaster = early_forecaster if has_model else replace(early_forecaster, model=None)
    forecasts: dict[str, Forecast] = {}
    reasons: dict[str, str] = {}
    for ticker, returns in universe.items():
        try:
            forecasts[ticker] = forecast_ticker(forecaster, returns, AS_OF)
        except PriceError as error:
            reasons[error.ticker] = error.reason
    young = {} if has_model else {"YOUNG"}  # long enough for the random walk
    assert forecasts.keys() == {*HEALTHY, *young}
    assert reasons == {ticker: reason for ticker, reason in LEFT_OUT.items() if ticker not in young}
    assert all(np.isfinite(made.log_returns["calibrated"]).all() for made in forecasts.values())


def test_a_walk_goes_on_and_remarks_each_fault_at_each_origin(
    universe: Universe, early_forecaster: Forecaster
) -> None:
    methods = Methods(early_forecaster, ("random_walk",), (1, 30))
    origins = [date(2026, 10, 1), LATE]
    walk = list(walk_forward(methods, universe, list(universe), origins=origins))
    assert [origin.tickers for origin in walk] == [("AAA", "INFY.NS", "BBB"), HEALTHY]
    reasons = [{remark.ticker: remark.reason for remark in origin.remarks} for origin in walk]
    assert reasons[0] == {"YOUNG": "short_history", "HALTED": "stale"}
    assert reasons[1] == LEFT_OUT
    assert list_left_out(walk).keys() == {"YOUNG", "HALTED"}
    assert list_left_out(walk[1:]).keys() == LEFT_OUT.keys()


def test_the_healthy_have_the_same_bits_with_and_without_the_faulty(
    universe: Universe, early_forecaster: Forecaster
) -> None:
    methods = Methods(early_forecaster, ("random_walk",), (1, 30))
    beside, alone = (
        issue_forecasts(LATE, methods=methods, universe=universe, tickers=tickers)
        for tickers in (list(universe), list(HEALTHY))
    )
    assert beside.tickers == alone.tickers == HEALTHY
    for name, quantiles in alone.quantiles.items():
        np.testing.assert_array_equal(beside.quantiles[name], quantiles)


@pytest.mark.parametrize(
    ("sessions", "scored", "left_out"),
    [(60, {*HEALTHY, "INFY.NS"}, {"YOUNG", "HALTED"}), (20, {*HEALTHY}, {*LEFT_OUT})],
)
def test_a_warm_start_goes_on_and_names_who_could_not_be_forecast_at_any_origin(
    sessions: int, scored: set[str], left_out: set[str], universe: Universe, tiny_config: ModelConfig
) -> None:
    warm = walk_before(
        list(universe.values()),
        AS_OF,
        model=tiny_config,
        simulation=SimulationConfig(horizon=30),
        calibration=CalibrationConfig(),
        config=WarmStartConfig(sessions=sessions, every=10, fewest_fitted=250, dropout_runs=2),
        execution=IN_TURN,
    )
    assert warm.reason == ""
    assert set(warm.scores["ticker"]) == scored
    assert warm.left_out.keys() == left_out
    assert all(sentence.startswith(f"{ticker}: ") for ticker, sentence in warm.left_out.items())


def test_a_promotion_test_goes_on_and_names_who_had_no_part_in_it(
    universe: Universe, early_model: Model
) -> None:
    """Its longest horizon is five sessions, which Mumbai's calendar has up to 2026-12-23."""
    config = PromotionConfig(horizons=(1, 5), every=2, draws=200, dropout_runs=2, purge_sessions=60)
    evaluation = evaluate_challenger(
        early_model, None, universe, trial=Trial(SimulationConfig()), config=config
    )
    assert evaluation.left_out.keys() == {"YOUNG", "HALTED"}
    elsewhere = {**universe, "INFY": replace(universe["INFY.NS"], ticker="INFY")}
    both = evaluate_challenger(early_model, None, elsewhere, trial=Trial(SimulationConfig()), config=config)
    healthy = both.decision.forecasts - evaluation.decision.forecasts  # of any ticker of New York
    assert evaluation.decision.dates == both.decision.dates == 20
    assert evaluation.decision.forecasts == 3 * healthy - 2  # of 2026-12-25 and 2026-12-29
