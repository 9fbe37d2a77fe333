"""The walk-forward script: what it cuts, what it scores, and one run on made-up files."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from forecasting.baselines.har import HarConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def one_torch_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_baselines", ROOT / "benchmarks" / "baselines.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two tickers of three years, and one too young for everything."""
    folder, rng = tmp_path_factory.mktemp("prices"), np.random.default_rng(1)
    for ticker, sessions in (("AAA", 760), ("BBB", 760), ("YOUNG", 120)):
        index = pd.bdate_range(end="2012-12-31", periods=sessions, name="date")
        close = 50 * np.exp(np.cumsum(rng.standard_t(5, sessions) * 0.01))
        pd.DataFrame({"close": close}, index).to_csv(folder / f"{ticker}.csv")
    return folder


@pytest.fixture(scope="module")
def panel(script, folder):
    return script.load(folder, ["AAA", "BBB"], pd.Timestamp("2012-12-31").date())


def test_outcomes_are_cumulative_log_returns(script, panel):
    closes = panel.bars["AAA"]["close"]
    found = panel.outcome("AAA", closes.index[-31])
    assert found[[0, 29]] == pytest.approx(np.log(closes.iloc[[-30, -1]].to_numpy() / closes.iloc[-31]))
    assert panel.outcome("AAA", closes.index[-30]).size == 0
    assert panel.outcome("AAA", pd.Timestamp("2012-03-03")).size == 0  # a Saturday


def test_a_series_is_cut_at_the_origin_and_knows_no_outcome_beyond(script, panel):
    series = panel.series["AAA"]
    origin = pd.Timestamp(series.sessions[99])
    found = script.until(series, origin)
    assert [len(part) for part in (found.sessions, found.features, found.volatility, found.target)] == [
        100
    ] * 4
    assert np.isnan(found.target[99])
    assert np.isfinite(found.target[:99]).all()


def test_a_later_price_changes_no_forecast(script, panel, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "HarConfig", lambda: HarConfig(max_iterations=2))  # 30 full fits take seconds
    origin = panel.bars["AAA"].index[600]
    for ticker in ("AAA", "BBB"):
        table = pd.read_csv(folder / f"{ticker}.csv", index_col="date", parse_dates=True)
        table.loc[table.index > origin, "close"] *= 1.3
        table.to_csv(tmp_path / f"{ticker}.csv")
    altered = script.load(tmp_path, ["AAA", "BBB"], pd.Timestamp("2012-12-31").date())
    answers = []
    for each in (panel, altered):
        past = script.past_of("AAA", each.bars["AAA"].loc[:origin], each.market)
        answers.append([make(each, origin)(past) for make in script.METHODS.values()])
    np.testing.assert_array_equal(answers[0], answers[1])


def test_equal_forecasters_are_level(script):
    scores = np.random.default_rng(2).random((9, 4, 1, 3, 5)).repeat(2, axis=2)
    scores[3, 1] = np.nan
    last = script.table(scores, ["random walk", "twin"], block=3).splitlines()[-1]
    assert "| 1.000 1.000 1.000 1.000 1.000 | 1.0000 [1.000, 1.000] |" in last


def test_a_run_prints_every_method_and_skips_who_is_too_young(script, folder, capsys):
    span = ["--start", "2012-06-01", "--end", "2012-12-31", "--every", "40"]
    script.main(["--csv-dir", str(folder), *span, "--methods", "fhs", "garch"])
    printed = capsys.readouterr()
    assert "3 tickers, 4 origins, 8 forecasts of each method" in printed.out
    assert [line.split("|")[1].strip() for line in printed.out.splitlines()[-3:]] == [
        "random walk",
        "fhs",
        "garch",
    ]
    assert "YOUNG: expected at least" in printed.err
    assert "4 of 4 origins" in printed.err
