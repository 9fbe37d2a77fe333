"""Worker processes of a backtest: their work called in this process, and one real pool."""

import os
from concurrent.futures import Future
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import pytest
import torch
from workplace import enter_workplace

from flows.backtest.checkpoint import Checkpoint
from flows.backtest.options import resolve_simulation
from flows.backtest.workers import WalkTask, await_all, fit, issue
from flows.processes import start_processes
from flows.settings import load_settings
from flows.sources import SampleSource
from flows.steps.process_pools import spread_over
from forecasting.backtesting.walk_forward import BASELINES, Execution, Issued, Methods, walk_forward
from forecasting.config import SCORE_LEVELS
from forecasting.errors import ModelError
from forecasting.features.market import compute_market_variance
from forecasting.features.preparation import prepare_returns
from forecasting.pipeline import Forecaster, forecast_ticker
from forecasting.types import Band

FIT, ORIGIN = date(2012, 6, 1), date(2012, 6, 15)
NETWORK_BANDS: tuple[Band, ...] = ("mc_dropout", "predictive", "random_walk")


@pytest.fixture(scope="module")
def walk_task(tmp_path_factory: pytest.TempPathFactory) -> WalkTask:
    """Fitted on three tickers, of which two are forecast."""
    folder = tmp_path_factory.mktemp("workers")
    with pytest.MonkeyPatch.context() as patch:
        enter_workplace(folder, patch)
        patch.setenv("BANDCAST_MODEL__TRAINING__MAX_EPOCHS", "1")
        settings = load_settings()
    source, train = SampleSource(), ("AAPL", "IBM", "MSFT")
    histories = {ticker: source.fetch(ticker, date(2009, 1, 2), date(2012, 9, 28)) for ticker in train}
    return WalkTask(
        out=folder / "rows.csv",
        universe={
            ticker: prepare_returns(history, "split_adjusted") for ticker, history in histories.items()
        },
        train=train,
        tickers=("IBM", "AAPL"),
        baselines=BASELINES[:2],
        model=settings.model,
        simulation=resolve_simulation(settings, 12, 5),
        horizons=(1, 5),
    )


@pytest.fixture(scope="module")
def checkpoint(walk_task: WalkTask) -> Checkpoint:
    """With one fit and one finished origin in it."""
    fit(walk_task, FIT)
    issue(walk_task, ORIGIN, FIT)
    return Checkpoint(walk_task.out)


def test_the_stored_part_is_what_the_stored_model_forecasts(
    walk_task: WalkTask, checkpoint: Checkpoint
) -> None:
    model, part = checkpoint.load_fit(FIT), checkpoint.load_part(ORIGIN)
    known = {ticker: returns.until(ORIGIN) for ticker, returns in walk_task.universe.items()}
    forecaster = Forecaster(model, compute_market_variance(known.values()), walk_task.simulation)
    made = forecast_ticker(forecaster, known["IBM"], ORIGIN)
    for band in NETWORK_BANDS:
        np.testing.assert_array_equal(part.quantiles[band][0], made.log_returns[band][[0, 4]])
    assert made.levels == SCORE_LEVELS


def test_the_training_universe_may_be_wider_than_what_is_forecast(checkpoint: Checkpoint) -> None:
    assert checkpoint.load_fit(FIT).manifest.reference == ("AAPL", "IBM", "MSFT")
    assert checkpoint.load_part(ORIGIN).tickers == ("IBM", "AAPL")


def test_a_fit_sees_nothing_after_its_session(checkpoint: Checkpoint) -> None:
    assert checkpoint.load_fit(FIT).manifest.trained_through <= FIT


def test_a_ticker_alone_gets_the_bands_it_gets_among_others(
    walk_task: WalkTask, checkpoint: Checkpoint
) -> None:
    together = checkpoint.load_part(ORIGIN)
    try:
        issue(replace(walk_task, tickers=("AAPL",)), ORIGIN, FIT)
        alone = checkpoint.load_part(ORIGIN)
    finally:
        checkpoint.save_part(together)
    for name, bands in alone.quantiles.items():
        np.testing.assert_array_equal(bands[0], together.quantiles[name][1])


def test_a_fit_that_fails_is_one_sentence(walk_task: WalkTask) -> None:
    with pytest.raises(ModelError, match=r"^Fit at 2009-06-01: Expected"):
        fit(walk_task, date(2009, 6, 1))
    assert not Checkpoint(walk_task.out).has_fit(date(2009, 6, 1))


def test_the_first_fault_stops_the_others() -> None:
    done, failed, waiting = (Future[None]() for _ in range(3))
    done.set_result(None)
    failed.set_exception(ModelError("Fit at 2009-06-01: Expected more, found less."))
    with pytest.raises(ModelError, match="found less"):
        await_all([done, failed, waiting], lambda: None)
    assert waiting.cancelled()


def test_children_have_one_thread_and_the_parent_keeps_its_environment(
    walk_task: WalkTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with start_processes(1, walk_task) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ


def test_a_walk_over_processes_is_that_of_one_process_to_the_last_bit(
    walk_task: WalkTask, checkpoint: Checkpoint
) -> None:
    model, seen = checkpoint.load_fit(FIT), list[tuple[int, int]]()
    market = compute_market_variance(walk_task.universe[ticker] for ticker in model.manifest.reference)
    methods = Methods(Forecaster(model, market, walk_task.simulation), walk_task.baselines, (1, 5))
    tickers, origins = (*walk_task.tickers, "NONE"), [ORIGIN, date(2012, 6, 18), date(2012, 6, 19)]
    walk = partial(walk_forward, methods, walk_task.universe, tickers, origins=origins)
    serial = list(walk())
    execution = Execution(lambda *state: seen.append(state), partial(spread_over, workers=2))
    assert [describe(issued) for issued in walk(execution=execution)] == [describe(each) for each in serial]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def describe(issued: Issued) -> tuple[Issued, dict[str, bytes]]:
    """Everything but the quantiles, and their bytes: arrays do not compare to one truth."""
    return replace(issued, quantiles={}), {name: bands.tobytes() for name, bands in issued.quantiles.items()}


def test_the_result_does_not_name_the_folder_it_was_made_in(
    walk_task: WalkTask, checkpoint: Checkpoint
) -> None:
    for path in checkpoint.path.glob("*.json"):
        assert str(walk_task.out.parent) not in path.read_text()
