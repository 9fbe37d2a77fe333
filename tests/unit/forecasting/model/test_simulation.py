"""Monte-Carlo dropout times noise paths."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

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
from forecasting.model.simulation import draw_noise, simulate_paths
from forecasting.types import Floats


@pytest.fixture(scope="module")
def paths(model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig) -> Floats:
    return simulate_paths(model, tickers[0], tiny_simulation, as_of=AS_OF)


def test_a_path_is_a_row_of_cumulative_returns(paths: Floats) -> None:
    assert paths.shape == (4 * 3, 5)
    assert np.isfinite(paths).all()
    assert (np.ptp(paths, axis=0) > 0).all()


def test_identical_dropout_runs_are_refused(
    model: Model,
    tickers: Sequence[TickerFeatures],
    tiny_config: ModelConfig,
    tiny_simulation: SimulationConfig,
) -> None:
    untrained = replace(model, network=build_network(tiny_config).eval())  # its last layer is zero
    with pytest.raises(DropoutNotLiveError, match="Expected dropout runs for OLD to differ"):
        simulate_paths(untrained, tickers[0], tiny_simulation, as_of=AS_OF)


def test_a_tickers_paths_do_not_depend_on_who_else_is_in_the_run(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig
) -> None:
    alone = simulate_paths(model, tickers[1], tiny_simulation, as_of=AS_OF)
    for order in (tickers, tickers[::-1]):
        beside = {each.ticker: simulate_paths(model, each, tiny_simulation, as_of=AS_OF) for each in order}
        np.testing.assert_array_equal(beside["NEW"], alone)


def test_a_tickers_paths_do_not_depend_on_what_other_threads_do(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig
) -> None:
    def simulate(ticker: TickerFeatures) -> Floats:
        return simulate_paths(model, ticker, tiny_simulation, as_of=AS_OF)

    alone = [simulate(ticker) for ticker in tickers]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(simulate, [*tickers] * 4))
    assert all(np.array_equal(found, alone[index % 3]) for index, found in enumerate(together))


def test_neither_the_global_seed_nor_the_thread_count_matters(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig, paths: Floats
) -> None:
    torch.manual_seed(1)
    np.random.default_rng(1)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        np.testing.assert_array_equal(simulate_paths(model, tickers[0], tiny_simulation, as_of=AS_OF), paths)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_another_seed_as_of_or_ticker_has_another_stream() -> None:
    keys = [(7, AS_OF, "OLD"), (8, AS_OF, "OLD"), (7, date(2024, 6, 4), "OLD"), (7, AS_OF, "NEW")]
    assert len({open_stream(*key).random() for key in keys}) == 4
    assert open_stream(*keys[0]).random() == open_stream(*keys[0]).random()


def test_another_seed_has_other_paths(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig, paths: Floats
) -> None:
    other = simulate_paths(model, tickers[0], tiny_simulation.model_copy(update={"seed": 8}), as_of=AS_OF)
    assert not np.isclose(other, paths).any()


def sized(horizon: int, runs: int, paths: int) -> SimulationConfig:
    return SimulationConfig(horizon=horizon, dropout_runs=runs, noise_paths=paths)


def test_noise_is_drawn_by_whole_rows() -> None:
    numbers = np.arange(1.0, 41.0)
    pool = ResidualPool(np.stack([numbers, 100 + numbers, 200 + numbers], axis=1), np.full(40, 1 / 40))
    drawn = draw_noise(pool, open_stream(7, AS_OF, "OLD"), sized(6, 5, 8))
    assert drawn.shape == (6, 40, 3)
    np.testing.assert_array_equal(drawn[..., 1:] - drawn[..., :1], np.broadcast_to([100, 200], (6, 40, 2)))
    assert len(np.unique(drawn[..., 0])) == 40


def test_noise_is_drawn_as_often_as_its_weight() -> None:
    pool = ResidualPool(np.arange(9.0).reshape(3, 3), np.array([0.0, 0.25, 0.75]))
    drawn = draw_noise(pool, open_stream(7, AS_OF, "OLD"), sized(20, 20, 20))[..., 0]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [3.0, 6.0]
    assert counts[1] / counts.sum() == pytest.approx(0.75, abs=0.02)


def test_a_path_never_leaves_the_floats(
    model: Model, tickers: Sequence[TickerFeatures], tiny_simulation: SimulationConfig
) -> None:
    wild = replace(model, residuals=ResidualPool(np.array([[1e6, 100.0, 100.0]]), np.ones(1)))
    found = simulate_paths(wild, tickers[0], tiny_simulation, as_of=AS_OF)
    np.testing.assert_allclose(found[0], LARGEST_STEP * np.arange(1, 6))


def test_noise_takes_one_row_out_of_each_stratum_of_the_residuals() -> None:
    rows = np.stack([np.arange(40.0), np.ones(40), np.ones(40)], axis=1)
    pool = ResidualPool(rows, np.full(40, 1 / 40))
    drawn = draw_noise(pool, open_stream(7, AS_OF, "OLD"), sized(3, 4, 5))
    assert [sorted(session.ravel() // 2) for session in drawn[..., 0]] == [list(range(20))] * 3


def test_strata_leave_less_noise_in_the_quantiles_than_free_draws() -> None:
    residual = np.sort(np.random.default_rng(3).standard_t(5, 2000))
    pool = ResidualPool(np.stack([residual] * 3, axis=1), np.full(2000, 1 / 2000))
    stream = np.random.default_rng(4)
    streams = [open_stream(seed, AS_OF, "OLD") for seed in range(60)]
    strata = np.array([draw_noise(pool, each, sized(10, 10, 20))[..., 0] for each in streams])
    free = stream.choice(residual, strata.shape)
    for sessions, levels in ((1, [0.05, 0.5, 0.95]), (10, [0.5])):
        noise, free_noise = (
            np.quantile(drawn[:, :sessions].sum(axis=1), levels, axis=1).std(axis=1)
            for drawn in (strata, free)
        )
        assert (noise < 0.8 * free_noise).all()
