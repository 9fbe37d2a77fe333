"""Bands of every horizon from the linear part and the corrections of the dropout runs."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_prices import AS_OF

from forecasting.config import ModelConfig, SimulationConfig
from forecasting.errors import DropoutNotLiveError
from forecasting.model.artifact import Model, build_network
from forecasting.model.dataset import TickerFeatures
from forecasting.model.heads import (
    DropoutRuns,
    as_batch,
    draw_run_masks,
    expect_log_scale,
    forecast_heads,
    interpolate_knots,
    require_live,
)
from forecasting.model.log_har import RESIDUAL_LEVELS
from forecasting.model.random_streams import open_stream
from forecasting.model.residuals import keep_past_sessions

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.fixture(scope="module")
def runs(model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig) -> DropoutRuns:
    return forecast_heads(model, tickers[0], tiny_simulation, as_of=AS_OF)


@pytest.fixture
def by_hand() -> DropoutRuns:
    """Two runs, two horizons; residuals from -0.49 to 0.49, moved by 0.1."""
    shape = np.tile(np.array(RESIDUAL_LEVELS) - 0.4, (2, 1))
    return DropoutRuns(np.array([1.0, 2.0]), np.log([[1.0, 1.0], [2.0, 3.0]]), shape, weight=1.0)


def equal(runs: DropoutRuns, other: DropoutRuns) -> bool:
    return np.array_equal(runs.corrections, other.corrections) and np.array_equal(runs.linear, other.linear)


def corrected(model: Model) -> Model:
    """The model as if it had been trained on enough tickers."""
    return replace(model, manifest=model.manifest.model_copy(update={"no_correction": ""}))


def test_quantiles_are_the_mean_of_those_of_the_runs_level_by_level(by_hand: DropoutRuns) -> None:
    expected = [[1.5 * (level - 0.4) for level in LEVELS], [4 * (level - 0.4) for level in LEVELS]]
    np.testing.assert_allclose(by_hand.quantiles(LEVELS), expected)


def test_the_mixture_pools_the_outcomes_of_the_runs(by_hand: DropoutRuns) -> None:
    pooled = np.sort(np.append(by_hand.shape[0], 2 * by_hand.shape[0]))  # of scales 1 and 2: 198 values
    found = by_hand.mixture_quantiles((100 / 199, 10 / 199, 190 / 199))[0]
    np.testing.assert_allclose(found, [pooled[99], pooled[9], pooled[189]])


def test_the_mixture_of_equal_runs_is_the_band_of_each(by_hand: DropoutRuns) -> None:
    equal_runs = replace(by_hand, corrections=np.zeros((3, 2)))
    np.testing.assert_allclose(equal_runs.mixture_quantiles(LEVELS), equal_runs.quantiles(LEVELS))


def test_the_mixture_is_wider_than_the_mean_of_the_runs_where_they_disagree(by_hand: DropoutRuns) -> None:
    far_apart = replace(by_hand, corrections=np.log([[0.5, 0.5], [1.5, 1.5]]))
    mixed, averaged = (
        np.ptp(each(LEVELS), axis=1) for each in (far_apart.mixture_quantiles, far_apart.quantiles)
    )
    assert (mixed > 1.1 * averaged).all()


def test_variances_by_hand(by_hand: DropoutRuns) -> None:
    np.testing.assert_allclose(by_hand.model_variance, [0.1**2 * 0.5, 0.1**2 * 8])
    within = np.var(RESIDUAL_LEVELS)
    np.testing.assert_allclose(by_hand.noise_variance, [within * 2.5, within * 20])


def test_without_weight_the_bands_are_those_of_the_linear_part_and_the_spread_is_kept(
    by_hand: DropoutRuns,
) -> None:
    off = replace(by_hand, weight=0.0)
    np.testing.assert_array_equal(off.scale, off.linear)
    np.testing.assert_array_equal(off.mixture_quantiles(LEVELS), by_hand.mixture_quantiles(LEVELS))
    np.testing.assert_array_equal(off.model_variance, by_hand.model_variance)
    np.testing.assert_allclose(off.noise_variance, np.var(RESIDUAL_LEVELS) * off.linear**2)


def test_the_linear_part_alone_serves_a_model_of_few_tickers(
    model: Model, tickers: Sequence[TickerFeatures], runs: DropoutRuns, tiny_simulation: SimulationConfig
) -> None:
    assert model.manifest.no_correction == "trained on 3 tickers, fewer than 100"
    direct = model.log_har.forecast(tickers[0].window, tiny_simulation)
    np.testing.assert_array_equal(runs.quantiles(tiny_simulation.levels), direct)
    own = forecast_heads(corrected(model), tickers[0], tiny_simulation, as_of=AS_OF)
    moved = own.quantiles(tiny_simulation.levels) / direct
    factor = np.exp(own.corrections).mean(axis=0)
    np.testing.assert_allclose(moved, np.tile(factor[:, None], 5))
    assert (factor != 1).all()


def test_a_run_is_the_network_under_its_masks_at_the_last_session(
    model: Model, tickers: Sequence[TickerFeatures], runs: DropoutRuns, tiny_simulation: SimulationConfig
) -> None:
    masks = draw_run_masks(model, open_stream(7, AS_OF, "OLD"), 4)
    lookback = as_batch(tickers[0].features[None, -20:, model.inputs])
    for run in range(4):
        with torch.no_grad():
            own = model.network(lookback, tuple(mask[run : run + 1] for mask in masks)).correction[0, -1]
        expected = interpolate_knots(own.double().numpy(), model.network.config.knots, 5)
        np.testing.assert_allclose(runs.corrections[run], expected, atol=1e-6)


def test_corrections_between_the_knots_lie_on_a_line_over_the_log_of_the_horizon() -> None:
    values = np.array([[1.0, 3.0], [0.0, -1.0]])
    found = interpolate_knots(values, (1, 4), 5)
    np.testing.assert_allclose(found, [[1, 2, 1 + np.log2(3), 3, 3], [0, -0.5, -np.log2(3) / 2, -1, -1]])


def test_dropout_runs_differ_at_every_horizon(runs: DropoutRuns) -> None:
    assert (np.ptp(runs.corrections, axis=0) > 0).all()
    assert (runs.model_variance > 0).all()


def test_identical_dropout_runs_are_refused(
    model: Model,
    tickers: Sequence[TickerFeatures],
    tiny_config: ModelConfig,
    tiny_simulation: SimulationConfig,
) -> None:
    untrained = replace(model, network=build_network(tiny_config).eval())  # its last layer is zero
    with pytest.raises(
        DropoutNotLiveError, match="Expected dropout runs for OLD to differ, found them identical"
    ):
        forecast_heads(untrained, tickers[0], tiny_simulation, as_of=AS_OF)


def test_masks_that_chance_made_alike_are_no_fault() -> None:
    alike, other = torch.ones(4, 1, 8), torch.tensor([1.0, 1.0, 0.0]).reshape(3, 1, 1)
    require_live(np.zeros((4, 2)), (alike, alike), "OLD")
    with pytest.raises(DropoutNotLiveError):
        require_live(np.zeros((3, 2)), (alike[:3], other), "OLD")


def test_masks_of_a_ticker_depend_on_seed_session_and_ticker_alone(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig
) -> None:
    alone = forecast_heads(model, tickers[1], tiny_simulation, as_of=AS_OF)
    for order in (tickers, tickers[::-1]):
        beside = {each.ticker: forecast_heads(model, each, tiny_simulation, as_of=AS_OF) for each in order}
        assert equal(beside["NEW"], alone)
    other = forecast_heads(model, tickers[1], tiny_simulation.model_copy(update={"seed": 8}), as_of=AS_OF)
    assert not np.isclose(other.corrections, alone.corrections, rtol=1e-9).all()


def test_other_threads_and_the_thread_count_change_no_bit(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig, runs: DropoutRuns
) -> None:
    def forecast(ticker: TickerFeatures) -> DropoutRuns:
        return forecast_heads(model, ticker, tiny_simulation, as_of=AS_OF)

    alone = [forecast(ticker) for ticker in tickers]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(forecast, [*tickers] * 4))
    assert all(equal(found, alone[index % 3]) for index, found in enumerate(together))
    torch.manual_seed(1)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        assert equal(forecast(tickers[0]), runs)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_the_expected_scale_of_a_session_is_that_of_the_linear_part_and_the_first_knot(
    model: Model, tickers: Sequence[TickerFeatures]
) -> None:
    linear = model.log_har.log_scales(tickers[0].features, tickers[0].windows, (1,))
    (past,) = keep_past_sessions(tickers[:1], [linear], model.inputs)
    linear = linear[:, 0]
    np.testing.assert_array_equal(expect_log_scale(model.network, past, weight=0), linear)
    with torch.no_grad():
        correction = model.network(as_batch(tickers[0].features[None][..., model.inputs])).correction
    found = expect_log_scale(model.network, past, weight=0.5)
    np.testing.assert_allclose(found, linear + 0.5 * correction[0, :, 0].double().numpy())
