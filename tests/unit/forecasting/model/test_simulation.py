"""Monte-Carlo dropout times noise paths."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from forecasting.config import SimulationConfig
from forecasting.errors import DropoutNotLiveError
from forecasting.model.artifact import NoisePool, new_network
from forecasting.model.simulation import LARGEST_STEP, Paths, _draw_noise, random_stream, simulate

AS_OF = "2024-06-05"


@pytest.fixture
def paths(model, series, tiny_simulation):
    return simulate(model, series[0], tiny_simulation, AS_OF)


def equal(one, other):
    return np.array_equal(one.noisy, other.noisy) and np.array_equal(one.bare, other.bare)


def with_network(model, tiny_config, **changes):
    config = tiny_config.model_copy(update={"network": tiny_config.network.model_copy(update=changes)})
    network = new_network(config)
    network.load_state_dict(model.network.state_dict())
    return replace(model, network=network.eval())


def test_the_shapes_are_runs_paths_and_horizon(paths):
    assert paths.noisy.shape == (4, 3, 5)
    assert paths.bare.shape == (4, 5)
    assert np.isfinite(paths.noisy).all()
    assert paths.model_variance.shape == paths.noise_variance.shape == (5,)


def test_variances_by_hand():
    noisy = np.array([[[1.0], [3.0]], [[4.0], [8.0]]])  # two runs of two paths, one session
    found = Paths(noisy=noisy, bare=np.zeros((2, 1)))
    assert found.noise_variance == pytest.approx((2 + 8) / 2)
    assert found.model_variance == pytest.approx((6 - 2) ** 2 / 2 - 5 / 2)


def test_a_model_variance_is_never_negative():
    noisy = np.array([[[1.0], [9.0]], [[2.0], [8.0]]])
    assert Paths(noisy=noisy, bare=np.zeros((2, 1))).model_variance.tolist() == [0.0]


def test_one_path_a_run_leaves_all_the_variance_between_the_runs(model, series):
    config = SimulationConfig(horizon=2, dropout_runs=4, noise_paths=1)
    found = simulate(model, series[0], config, AS_OF)
    assert not found.noise_variance.any()
    assert (found.model_variance > 0).all()


def test_dropout_runs_differ(paths):
    assert (np.ptp(paths.bare, axis=0) > 0).all()


def test_identical_dropout_runs_are_refused(model, series, tiny_config, tiny_simulation):
    untrained = replace(model, network=new_network(tiny_config).eval())  # its last layer is zero
    with pytest.raises(
        DropoutNotLiveError, match="Expected dropout runs for OLD to differ, found them identical"
    ):
        simulate(untrained, series[0], tiny_simulation, AS_OF)


def test_neither_location_nor_scale_is_refused(model, series, tiny_config, tiny_simulation):
    dead = with_network(model, tiny_config, location_bound=0, scale_head=False)
    with pytest.raises(DropoutNotLiveError):
        simulate(dead, series[0], tiny_simulation, AS_OF)


@pytest.mark.parametrize("changes", [{"location_bound": 0}, {"scale_head": False}])
def test_dropout_may_live_in_the_scale_or_in_the_location_alone(
    changes, model, series, tiny_config, tiny_simulation
):
    alive = with_network(model, tiny_config, **changes)
    assert np.isfinite(simulate(alive, series[0], tiny_simulation, AS_OF).noisy).all()


def test_a_tickers_paths_do_not_depend_on_who_else_is_in_the_run(model, series, tiny_simulation):
    alone = simulate(model, series[1], tiny_simulation, AS_OF)
    for order in (series, series[::-1]):
        beside = {one.ticker: simulate(model, one, tiny_simulation, AS_OF) for one in order}
        assert equal(beside["NEW"], alone)


def test_a_tickers_paths_do_not_depend_on_what_other_threads_do(model, series, tiny_simulation):
    alone = [simulate(model, one, tiny_simulation, AS_OF) for one in series]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda one: simulate(model, one, tiny_simulation, AS_OF), series * 4))
    assert all(equal(found, alone[place % 3]) for place, found in enumerate(together))


def test_neither_the_global_seed_nor_the_thread_count_matters(model, series, tiny_simulation, paths):
    torch.manual_seed(1)
    np.random.default_rng(1)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        assert equal(simulate(model, series[0], tiny_simulation, AS_OF), paths)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_another_seed_as_of_or_ticker_has_another_stream():
    keys = [(7, AS_OF, "OLD"), (8, AS_OF, "OLD"), (7, "2024-06-04", "OLD"), (7, AS_OF, "NEW")]
    assert len({random_stream(*key).random() for key in keys}) == 4
    assert random_stream(*keys[0]).random() == random_stream(*keys[0]).random()


def test_another_seed_has_other_paths(model, series, tiny_simulation, paths):
    other = simulate(model, series[0], tiny_simulation.model_copy(update={"seed": 8}), AS_OF)
    assert not np.isclose(other.noisy, paths.noisy).any()


def test_noise_is_drawn_by_whole_rows():
    numbers = np.arange(1.0, 41.0)
    pool = NoisePool(np.stack([numbers, 100 + numbers, 200 + numbers], axis=1), np.full(40, 1 / 40))
    drawn = _draw_noise(pool, random_stream(7, AS_OF, "OLD"), (6, 5, 9))
    noisy, bare = drawn[..., :-1, :], drawn[..., -1, :]
    np.testing.assert_array_equal(
        noisy[..., 1:] - noisy[..., :1], np.broadcast_to([100.0, 200.0], (6, 5, 8, 2))
    )
    assert len(np.unique(noisy[..., 0])) == 40
    np.testing.assert_allclose(bare, np.broadcast_to([0.0, 120.5, 220.5], bare.shape))


def test_noise_is_drawn_as_often_as_its_weight_says():
    pool = NoisePool(np.arange(9.0).reshape(3, 3), np.array([0.0, 0.25, 0.75]))
    drawn = _draw_noise(pool, random_stream(7, AS_OF, "OLD"), (20, 20, 21))[..., :-1, 0]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [3.0, 6.0]
    assert counts[1] / counts.sum() == pytest.approx(0.75, abs=0.02)


def test_a_path_never_leaves_the_floats(model, series, tiny_simulation):
    wild = replace(model, noise=NoisePool(np.array([[1e6, 100.0, 100.0]]), np.ones(1)))
    found = simulate(wild, series[0], tiny_simulation, AS_OF)
    np.testing.assert_allclose(found.noisy[0, 0], LARGEST_STEP * np.arange(1, 6))


def test_noise_takes_one_row_out_of_each_stratum_of_the_residuals():
    rows = np.stack([np.arange(40.0), np.ones(40), np.ones(40)], axis=1)
    drawn = _draw_noise(NoisePool(rows, np.full(40, 1 / 40)), random_stream(7, AS_OF, "OLD"), (3, 4, 6))
    assert [sorted(session.ravel() // 2) for session in drawn[..., :-1, 0]] == [list(range(20))] * 3


def test_strata_leave_less_noise_in_the_quantiles_than_free_draws():
    residual = np.sort(np.random.default_rng(3).standard_t(5, 2000))
    pool = NoisePool(np.stack([residual] * 3, axis=1), np.full(2000, 1 / 2000))
    stream = np.random.default_rng(4)
    streams = [random_stream(seed, AS_OF, "OLD") for seed in range(60)]
    ours = np.array([_draw_noise(pool, one, (10, 10, 21))[..., :-1, 0].reshape(10, -1) for one in streams])
    free = stream.choice(residual, ours.shape)
    for sessions, levels in ((1, [0.05, 0.5, 0.95]), (10, [0.5])):
        mine, theirs = (
            np.quantile(drawn[:, :sessions].sum(axis=1), levels, axis=1).std(axis=1) for drawn in (ours, free)
        )
        assert (mine < 0.8 * theirs).all()


def test_quantiles_rise_with_their_level_and_dropout_alone_is_narrower(paths, tiny_simulation):
    predictive, bare = paths.quantiles(tiny_simulation.levels), paths.bare_quantiles(tiny_simulation.levels)
    assert (np.diff(predictive, axis=1) >= 0).all()
    assert (np.diff(bare, axis=1) >= 0).all()
    assert (np.ptp(bare, axis=1) < np.ptp(predictive, axis=1)).all()


def test_quantiles_by_hand():
    bare = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]])
    paths = Paths(noisy=np.arange(21.0).reshape(3, 7, 1), bare=bare)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    np.testing.assert_allclose(paths.bare_quantiles(levels), [[0.2, 1.0, 2.0, 3.0, 3.8]])
    np.testing.assert_allclose(paths.quantiles(levels), [[1.0, 5.0, 10.0, 15.0, 19.0]])
