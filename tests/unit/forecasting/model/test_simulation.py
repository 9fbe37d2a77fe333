"""Monte-Carlo dropout times noise paths."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
import torch
from synthetic_prices import AS_OF

from forecasting.config import ModelConfig, SimulationConfig
from forecasting.errors import DropoutNotLiveError
from forecasting.model.artifact import Model, build_network
from forecasting.model.dataset import TickerFeatures
from forecasting.model.random_streams import LARGEST_STEP, open_stream
from forecasting.model.residuals import ResidualPool
from forecasting.model.simulation import Paths, draw_noise, simulate_paths


@pytest.fixture(scope="module")
def paths(model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig) -> Paths:
    return simulate_paths(model, tickers[0], tiny_simulation, as_of=AS_OF)


def equal(paths: Paths, other: Paths) -> bool:
    return np.array_equal(paths.noisy, other.noisy) and np.array_equal(paths.bare, other.bare)


def with_network(model: Model, tiny_config: ModelConfig, **changes: Any) -> Model:
    config = tiny_config.model_copy(update={"network": tiny_config.network.model_copy(update=changes)})
    network = build_network(config)
    network.load_state_dict(model.network.state_dict())
    return replace(model, network=network.eval())


def test_the_shapes_are_runs_paths_and_horizon(paths: Paths) -> None:
    assert paths.noisy.shape == (4, 3, 5)
    assert paths.bare.shape == (4, 5)
    assert np.isfinite(paths.noisy).all()
    assert paths.model_variance.shape == paths.noise_variance.shape == (5,)


def test_variances_by_hand() -> None:
    noisy = np.array([[[1.0], [3.0]], [[4.0], [8.0]]])  # two runs of two paths, one session
    found = Paths(noisy=noisy, bare=np.zeros((2, 1)))
    assert found.noise_variance == pytest.approx((2 + 8) / 2)
    assert found.model_variance == pytest.approx((6 - 2) ** 2 / 2 - 5 / 2)


def test_a_model_variance_is_never_negative() -> None:
    noisy = np.array([[[1.0], [9.0]], [[2.0], [8.0]]])
    assert Paths(noisy=noisy, bare=np.zeros((2, 1))).model_variance.tolist() == [0.0]


def test_one_path_a_run_leaves_all_the_variance_between_the_runs(
    model: Model, tickers: Sequence[TickerFeatures]
) -> None:
    config = SimulationConfig(horizon=2, dropout_runs=4, noise_paths=1)
    found = simulate_paths(model, tickers[0], config, as_of=AS_OF)
    assert not found.noise_variance.any()
    assert (found.model_variance > 0).all()


def test_dropout_runs_differ(paths: Paths) -> None:
    assert (np.ptp(paths.bare, axis=0) > 0).all()


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
        simulate_paths(untrained, tickers[0], tiny_simulation, as_of=AS_OF)


def test_neither_location_nor_scale_is_refused(
    model: Model,
    tickers: Sequence[TickerFeatures],
    tiny_config: ModelConfig,
    tiny_simulation: SimulationConfig,
) -> None:
    dead = with_network(model, tiny_config, location_bound=0, scale_head=False)
    with pytest.raises(DropoutNotLiveError):
        simulate_paths(dead, tickers[0], tiny_simulation, as_of=AS_OF)


@pytest.mark.parametrize("changes", [{"location_bound": 0}, {"scale_head": False}])
def test_dropout_may_live_in_the_scale_or_in_the_location_alone(
    changes: Any,
    model: Model,
    tickers: Sequence[TickerFeatures],
    tiny_config: ModelConfig,
    tiny_simulation: SimulationConfig,
) -> None:
    alive = with_network(model, tiny_config, **changes)
    assert np.isfinite(simulate_paths(alive, tickers[0], tiny_simulation, as_of=AS_OF).noisy).all()


def test_a_tickers_paths_do_not_depend_on_who_else_is_in_the_run(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig
) -> None:
    alone = simulate_paths(model, tickers[1], tiny_simulation, as_of=AS_OF)
    for order in (tickers, tickers[::-1]):
        beside = {each.ticker: simulate_paths(model, each, tiny_simulation, as_of=AS_OF) for each in order}
        assert equal(beside["NEW"], alone)


def test_a_tickers_paths_do_not_depend_on_what_other_threads_do(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig
) -> None:
    def simulate(ticker: TickerFeatures) -> Paths:
        return simulate_paths(model, ticker, tiny_simulation, as_of=AS_OF)

    alone = [simulate(ticker) for ticker in tickers]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(simulate, [*tickers] * 4))
    assert all(equal(found, alone[index % 3]) for index, found in enumerate(together))


def test_neither_the_global_seed_nor_the_thread_count_matters(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig, paths: Paths
) -> None:
    torch.manual_seed(1)
    np.random.default_rng(1)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        assert equal(simulate_paths(model, tickers[0], tiny_simulation, as_of=AS_OF), paths)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_another_seed_as_of_or_ticker_has_another_stream() -> None:
    keys = [(7, AS_OF, "OLD"), (8, AS_OF, "OLD"), (7, date(2024, 6, 4), "OLD"), (7, AS_OF, "NEW")]
    assert len({open_stream(*key).random() for key in keys}) == 4
    assert open_stream(*keys[0]).random() == open_stream(*keys[0]).random()


def test_another_seed_has_other_paths(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig, paths: Paths
) -> None:
    other = simulate_paths(model, tickers[0], tiny_simulation.model_copy(update={"seed": 8}), as_of=AS_OF)
    assert not np.isclose(other.noisy, paths.noisy).any()


def sized(horizon: int, runs: int, paths: int) -> SimulationConfig:
    return SimulationConfig(horizon=horizon, dropout_runs=runs, noise_paths=paths)


def test_noise_is_drawn_by_whole_rows() -> None:
    numbers = np.arange(1.0, 41.0)
    pool = ResidualPool(np.stack([numbers, 100 + numbers, 200 + numbers], axis=1), np.full(40, 1 / 40))
    drawn = draw_noise(pool, open_stream(7, AS_OF, "OLD"), sized(6, 5, 8))
    noisy, bare = drawn[..., :-1, :], drawn[..., -1, :]
    np.testing.assert_array_equal(
        noisy[..., 1:] - noisy[..., :1], np.broadcast_to([100.0, 200.0], (6, 5, 8, 2))
    )
    assert len(np.unique(noisy[..., 0])) == 40
    np.testing.assert_allclose(bare, np.broadcast_to([0.0, 120.5, 220.5], bare.shape))


def test_noise_is_drawn_as_often_as_its_weight() -> None:
    pool = ResidualPool(np.arange(9.0).reshape(3, 3), np.array([0.0, 0.25, 0.75]))
    drawn = draw_noise(pool, open_stream(7, AS_OF, "OLD"), sized(20, 20, 20))[..., :-1, 0]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [3.0, 6.0]
    assert counts[1] / counts.sum() == pytest.approx(0.75, abs=0.02)


def test_a_path_never_leaves_the_floats(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig
) -> None:
    wild = replace(model, residuals=ResidualPool(np.array([[1e6, 100.0, 100.0]]), np.ones(1)))
    found = simulate_paths(wild, tickers[0], tiny_simulation, as_of=AS_OF)
    np.testing.assert_allclose(found.noisy[0, 0], LARGEST_STEP * np.arange(1, 6))


def test_noise_takes_one_row_out_of_each_stratum_of_the_residuals() -> None:
    rows = np.stack([np.arange(40.0), np.ones(40), np.ones(40)], axis=1)
    pool = ResidualPool(rows, np.full(40, 1 / 40))
    drawn = draw_noise(pool, open_stream(7, AS_OF, "OLD"), sized(3, 4, 5))
    assert [sorted(session.ravel() // 2) for session in drawn[..., :-1, 0]] == [list(range(20))] * 3


def test_strata_leave_less_noise_in_the_quantiles_than_free_draws() -> None:
    residual = np.sort(np.random.default_rng(3).standard_t(5, 2000))
    pool = ResidualPool(np.stack([residual] * 3, axis=1), np.full(2000, 1 / 2000))
    stream = np.random.default_rng(4)
    streams = [open_stream(seed, AS_OF, "OLD") for seed in range(60)]
    strata = np.array(
        [draw_noise(pool, each, sized(10, 10, 20))[..., :-1, 0].reshape(10, -1) for each in streams]
    )
    free = stream.choice(residual, strata.shape)
    for sessions, levels in ((1, [0.05, 0.5, 0.95]), (10, [0.5])):
        noise, free_noise = (
            np.quantile(drawn[:, :sessions].sum(axis=1), levels, axis=1).std(axis=1)
            for drawn in (strata, free)
        )
        assert (noise < 0.8 * free_noise).all()


def test_quantiles_rise_with_their_level_and_dropout_alone_is_narrower(
    paths: Paths, tiny_simulation: SimulationConfig
) -> None:
    predictive, bare = paths.quantiles(tiny_simulation.levels), paths.bare_quantiles(tiny_simulation.levels)
    assert (np.diff(predictive, axis=1) >= 0).all()
    assert (np.diff(bare, axis=1) >= 0).all()
    assert (np.ptp(bare, axis=1) < np.ptp(predictive, axis=1)).all()


def test_quantiles_by_hand() -> None:
    bare = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
    paths = Paths(noisy=np.arange(21.0).reshape(3, 7, 1), bare=bare)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    np.testing.assert_allclose(paths.bare_quantiles(levels), [[0.2, 1.0, 2.0, 3.0, 3.8]])
    np.testing.assert_allclose(paths.quantiles(levels), [[1.0, 5.0, 10.0, 15.0, 19.0]])
