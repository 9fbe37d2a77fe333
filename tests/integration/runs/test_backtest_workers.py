"""What the processes of a backtest do, called in this one; and one real pool."""

import os
from concurrent.futures import Future
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
from forecasting.backtesting.issue import BASELINES

from flows.backtest import workers as module
from flows.backtest.checkpoint import WorkFolder
from flows.backtest.options import LEVELS, resolve_simulation
from flows.backtest.workers import Brief, crew
from flows.settings import load_settings
from flows.sources import SampleSource
from forecasting.calendars.sessions import next_sessions
from forecasting.errors import ModelError
from forecasting.pipeline import make_forecast, market_of

FIT, ORIGIN = date(2012, 6, 1), date(2012, 6, 15)


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Brief:
    """Fitted on three tickers, of which two are forecast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BANDCAST_MODEL__NETWORK__HIDDEN", "8")
        patch.setenv("BANDCAST_MODEL__TRAINING__MAX_EPOCHS", "1")
        patch.setenv("BANDCAST_MODEL__TRAINING__HISTORY_SESSIONS", "300")
        patch.setenv("BANDCAST_SIMULATION__DROPOUT_RUNS", "4")
        settings = load_settings()
    source, train = SampleSource(), ("AAPL", "IBM", "MSFT")
    return Brief(
        out=tmp_path_factory.mktemp("crew") / "rows.csv",
        histories={name: source.fetch(name, date(2009, 1, 2), date(2012, 9, 28)) for name in train},
        train=train,
        tickers=("IBM", "AAPL"),
        baselines=BASELINES[:2],
        model=settings.model,
        simulation=resolve_simulation(settings, 12, 5),
        horizons=(1, 5),
    )


@pytest.fixture(scope="module")
def folder(brief: Brief) -> WorkFolder:
    """With one fit and one finished origin in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_DESK", module._Desk(brief))
        module._forecasters.cache_clear()
        assert module._fit(FIT) == ""
        assert module._issue(ORIGIN, FIT) == ""
    return WorkFolder(brief.out)


def test_the_stored_part_is_what_the_stored_model_forecasts(brief: Brief, folder: WorkFolder) -> None:
    model, part = folder.load_fit(FIT), folder.load_part(ORIGIN)
    cut = {name: history.until(ORIGIN) for name, history in brief.histories.items()}
    market = market_of(cut.values(), ORIGIN, "split_adjusted")
    targets = next_sessions("XNYS", ORIGIN, 5)
    made = make_forecast(model, cut["IBM"], market, targets, brief.simulation)
    for band in ("mc_dropout", "predictive", "random_walk"):
        np.testing.assert_array_equal(part.quantiles[band][0], made.log_returns[band][[0, 4]])
    assert made.levels == LEVELS


def test_the_training_universe_may_be_wider_than_what_is_forecast(folder: WorkFolder) -> None:
    assert folder.load_fit(FIT).manifest.reference == ("AAPL", "IBM", "MSFT")
    assert folder.load_part(ORIGIN).tickers == ("IBM", "AAPL")


def test_a_fit_sees_nothing_after_its_session(folder: WorkFolder) -> None:
    assert folder.load_fit(FIT).manifest.trained_through <= FIT


def test_a_ticker_alone_gets_the_bands_it_gets_among_others(
    brief: Brief, folder: WorkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = folder.load_part(ORIGIN)
    monkeypatch.setattr(module, "_DESK", module._Desk(replace(brief, tickers=("AAPL",))))
    module._forecasters.cache_clear()
    try:
        assert module._issue(ORIGIN, FIT) == ""
        alone = folder.load_part(ORIGIN)
    finally:
        folder.save_part(together)
    for name, bands in alone.quantiles.items():
        np.testing.assert_array_equal(bands[0], together.quantiles[name][1])


def test_a_fit_that_fails_says_so_in_one_sentence(brief: Brief, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DESK", module._Desk(brief))
    fault = module._fit(date(2009, 6, 1))
    assert fault.startswith("Fit at 2009-06-01: Expected")
    assert not WorkFolder(brief.out).has_fit(date(2009, 6, 1))


def test_the_first_fault_stops_the_others() -> None:
    done, failed, waiting = (Future[str]() for _ in range(3))
    done.set_result("")
    failed.set_result("Fit at 2009-06-01: Expected more, found less.")
    steps: list[None] = []
    with pytest.raises(ModelError, match="found less"):
        module._all([done, failed, waiting], lambda: steps.append(None))
    assert waiting.cancelled()


def test_a_process_without_its_brief_says_so() -> None:
    with pytest.raises(RuntimeError, match="without its brief"):
        module._Desk().require()


def test_children_have_one_thread_and_the_parent_keeps_its_environment(
    brief: Brief, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with crew(brief, 1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ


def test_the_result_does_not_say_where_it_was_made(brief: Brief, folder: WorkFolder) -> None:
    assert isinstance(folder.path, Path)
    for path in folder.path.glob("*.json"):
        assert str(brief.out.parent) not in path.read_text()
