"""Walks in several processes: which walks, and how errors are raised; real processes are in integration."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta

import pytest

from flows.processes import keep_shared
from flows.steps import process_pools
from flows.steps.process_pools import FEWEST_FORECASTS, choose_spread, spread_over
from forecasting.backtesting.walk_forward import Issued
from forecasting.config import PromotionConfig, WarmStartConfig
from forecasting.errors import ModelError, RungFailedError
from forecasting.sampling import draw_sample

ORIGINS = [date(2024, 5, 1) + timedelta(days=number) for number in range(5)]


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of this process in place of processes."""

    @contextmanager
    def start(workers: int, shared: object) -> Iterator[Executor]:
        keep_shared(shared)
        with ThreadPoolExecutor(workers) as threads:
            yield threads

    monkeypatch.setattr(process_pools, "start_processes", start)


def issue(origin: date) -> Issued:
    return Issued(origin, (1,), (0.5,), (), (), (), {}, (), ())


def fail_late(origin: date) -> Issued:
    if origin == ORIGINS[2]:
        raise RungFailedError("v1", "IBM", "finite quantiles", "others")
    return issue(origin)


def test_a_short_walk_and_one_worker_start_no_process() -> None:
    assert choose_spread(8, FEWEST_FORECASTS - 1) is map
    assert choose_spread(1, 10 * FEWEST_FORECASTS) is map


@pytest.mark.parametrize("config", [PromotionConfig(), WarmStartConfig()])
def test_promotion_test_and_warm_start_of_many_tickers_use_every_core_those_of_five_one(
    config: PromotionConfig | WarmStartConfig,
) -> None:
    origins = config.sessions // config.every
    assert choose_spread(2, origins * len(draw_sample(range(500), config.tickers, seed=7))) is not map
    assert choose_spread(2, origins * len(draw_sample(range(5), config.tickers, seed=7))) is map


@pytest.mark.usefixtures("in_threads")
def test_a_long_walk_is_spread_and_comes_back_in_order() -> None:
    spread = choose_spread(8, FEWEST_FORECASTS)
    assert spread is not map
    assert [issued.origin for issued in spread(issue, ORIGINS)] == ORIGINS


@pytest.mark.usefixtures("in_threads")
def test_the_first_error_ends_the_walk_with_its_sentence() -> None:
    walk = spread_over(fail_late, ORIGINS, workers=2)
    assert [next(walk).origin, next(walk).origin] == ORIGINS[:2]
    with pytest.raises(ModelError, match="Expected finite quantiles from model v1 for IBM"):
        next(walk)
