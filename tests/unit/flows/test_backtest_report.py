"""Result of a backtest: its file, its progress, and its scorecard for people and programs."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.backtest.run import BacktestResult, write_rows
from flows.presentation.backtest import (
    backtest_to_markdown,
    backtest_to_plain,
    build_backtest_parts,
    build_backtest_sheets,
)
from flows.presentation.tables import print_parts, to_json, to_markdown
from flows.progress_line import ProgressLine
from forecasting.backtesting.schedule import Schedule
from forecasting.backtesting.walk_forward import Remark
from forecasting.errors import UnknownTickerError
from forecasting.evaluation.scorecard import build_scorecard

DAY = date(2024, 5, 14)


@pytest.fixture
def rows() -> pd.DataFrame:
    """Two methods, two tickers, three dates; the last outcome is not known yet."""
    index = pd.MultiIndex.from_product(
        [
            ["AAA", "BBB"],
            pd.bdate_range("2024-01-02", periods=3),
            ["random_walk", "calibrated"],
            (0.05, 0.5, 0.95),
        ],
        names=["ticker", "as_of", "method", "level"],
    )
    frame = index.to_frame(index=False)
    frame["horizon"], frame["target_session"] = 1, frame["as_of"] + pd.offsets.BDay(1)
    frame["log_return"] = (frame["level"] - 0.5) / 10
    frame["actual_log_return"] = np.where(frame["as_of"] < "2024-01-04", 0.01, np.nan)
    frame["reports_ahead"] = (frame["ticker"] == "AAA").astype(int)
    columns = "ticker as_of target_session horizon method level log_return actual_log_return reports_ahead"
    return frame[columns.split()]


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv", "rows.csv.gz"])
def test_every_kind_of_file_holds_the_same_rows_and_the_same_bytes_again(
    tmp_path: Path, rows: pd.DataFrame, name: str
) -> None:
    out, again = tmp_path / name, tmp_path / "again" / name
    for path in (out, again):
        write_rows(rows, path)
    assert out.read_bytes() == again.read_bytes()
    dates = ["as_of", "target_session"]
    found = pd.read_parquet(out) if out.suffix == ".parquet" else pd.read_csv(out, parse_dates=dates)
    pd.testing.assert_frame_equal(found, rows, check_dtype=False)


@pytest.fixture
def result(rows: pd.DataFrame) -> BacktestResult:
    remarks = tuple(Remark(DAY, "CCC", what, "stale", "detail") for what in ("all", "all", "garch"))
    fault = UnknownTickerError("NOPE", "the folder")
    return BacktestResult(
        out=Path("rows.csv"),
        schedule=Schedule((DAY,), (DAY,), (DAY,)),
        forecasts=6,
        remarks=remarks,
        faults={"NOPE": fault},
        card=build_scorecard(rows, 1),
        seconds=61.0,
    )


def test_what_was_left_out_is_counted_and_printed(
    result: BacktestResult, capsys: pytest.CaptureFixture[str]
) -> None:
    assert result.left_out() == {"garch: stale": {"CCC": 1}, "stale": {"CCC": 2}}
    print_parts(build_backtest_parts(result))
    printed = capsys.readouterr().out
    assert "Left out, replaced or not to be published, origins (stale): CCC 2" in printed
    assert "Left out everywhere: NOPE (unknown_ticker)" in printed
    assert "CRPS relative to the random walk" in printed


def test_the_json_is_json_and_what_is_not_known_is_null(result: BacktestResult) -> None:
    plain = json.loads(to_json(backtest_to_plain(result)), parse_constant=pytest.fail)
    assert plain["contender"] == "calibrated"
    assert {row["method"]: row["crps_relative"] for row in plain["scores"]} == {
        "calibrated": 1.0,
        "random_walk": 1.0,
    }
    assert plain["tests"][0]["kupiec"] is None  # two outcomes are too few


def test_markdown_tables_are_whole(result: BacktestResult) -> None:
    for block in backtest_to_markdown(result).split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1


def test_progress_counts_up_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ProgressLine("origins", 3)
    for _ in range(3):
        progress.step()
    lines = [line.rstrip() for line in capsys.readouterr().err.splitlines()]
    assert lines[0].startswith("origins: 1 of 3, ")
    assert lines[-1] == "origins: 3 of 3, 0:00:00 left"


def test_a_table_holds_the_numbers_of_its_method_and_horizon(result: BacktestResult) -> None:
    tables = {sheet.title: to_markdown(sheet).splitlines() for sheet in build_backtest_sheets(result.card)}
    assert tables["Coverage of the 90% band"] == [
        "| method | h=1 | mean |",
        "| --- | ---: | ---: |",
        "| calibrated | 1.000 | 1.000 |",
        "| random_walk | 1.000 | 1.000 |",
    ]
    reports = tables["Coverage with / without an earnings report expected in the window"]
    assert reports[2] == "| calibrated | 1.000 / 1.000 | 1.000 / 1.000 |"
    pinball = tables["Pinball loss x 1000 at the lowest / highest level"]
    assert pinball[-1] == "| random_walk | 2.75 / 1.75 | 2.75 / 1.75 |"  # 0.05 x 0.055, 0.05 x 0.035
    paired = tables["CRPS of calibrated less that of the other, % of the random walk's, and 90 % interval"]
    assert paired[2:] == ["| random_walk | +0.00 [+0.00, +0.00] | +0.00 [+0.00, +0.00] |"]
    short = replace(result.card, paired=result.card.paired.assign(lower=np.nan, upper=np.nan))
    (lacking,) = (sheet for sheet in build_backtest_sheets(short) if sheet.title.startswith("CRPS of"))
    assert to_markdown(lacking).splitlines()[2] == "| random_walk | +0.00 | +0.00 |"
    assert tables["Coverage by ticker, calibrated"][2] == "| AAA | 2 | 1.000 | 1.000 |"
