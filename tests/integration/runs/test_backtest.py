"""`bandcast backtest` from end to end: real processes, a kill, a changed future."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from price_files import write_prices
from synthetic_prices import scale_after
from typer.testing import CliRunner
from workplace import TINY

from flows.cli import app
from flows.sources import SampleSource
from forecasting.config import SCORE_LEVELS
from forecasting.errors import UsageError
from forecasting.tables import BACKTEST_ROWS

WALK = "--start 2012-06-01 --end 2012-08-31 --every 15 --retrain-every 60 --warm-up 45 --horizons 1,5"
LAST = date(2013, 3, 1)
STEP = 1.08  # less than a split, which no file may lack


def write_folder(folder: Path, changed_after: date | None = None) -> Path:
    """Two shares of the sample as CSV files; the prices after a session may be other ones."""
    for ticker in ("AAPL", "IBM"):
        history = SampleSource().fetch(ticker, date(2009, 1, 2), LAST)
        write_prices(folder, scale_after(history, changed_after, STEP) if changed_after else history)
    return folder


def command(csv_dir: Path, out: Path, *more: str, workers: int = 1) -> list[str]:
    script = Path(sys.executable).with_name("bandcast")
    fixed = ["--source", "csv", "--csv-dir", str(csv_dir), "--methods", "fhs", "--workers", str(workers)]
    return [str(script), "backtest", *WALK.split(), *fixed, "--out", str(out), *more]


def run(csv_dir: Path, out: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(csv_dir, out, *more), env=os.environ | TINY, capture_output=True, text=True, check=False
    )


@dataclass(frozen=True)
class Walked:
    """A finished walk: folder of prices, file of rows, the JSON on standard output, and standard error."""

    csv_dir: Path
    out: Path
    plain: dict[str, Any]
    errors: str


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    folder = tmp_path_factory.mktemp("walked")
    csv_dir, out = write_folder(folder / "prices"), folder / "rows.csv"
    done = run(csv_dir, out, "--json")
    assert done.returncode == 0, done.stderr
    return Walked(csv_dir, out, json.loads(done.stdout), done.stderr)


def test_the_rows_let_anyone_recompute_the_scores(walked: Walked) -> None:
    rows = pd.read_csv(walked.out, parse_dates=["as_of", "target_session"])
    assert list(rows.columns) == BACKTEST_ROWS.names
    methods = ["calibrated", "mc_dropout", "predictive", "random_walk", "fhs"]
    assert len(rows) == 5 * 2 * 2 * len(methods) * 19
    assert list(dict.fromkeys(rows.method)) == methods
    assert tuple(sorted(set(rows.level))) == SCORE_LEVELS
    assert rows.as_of.nunique() == walked.plain["origins"] == 5
    bands = rows[(rows.method == "calibrated") & (rows.horizon == 5)].pivot_table(
        index=["ticker", "as_of", "actual_log_return"], columns="level", values="log_return"
    )
    outcome = bands.index.get_level_values("actual_log_return").to_numpy()
    error = outcome[:, None] - bands.to_numpy()
    crps = 2 * np.maximum(np.array(SCORE_LEVELS) * error, (np.array(SCORE_LEVELS) - 1) * error).mean()
    (score,) = [
        score for score in walked.plain["scores"] if (score["method"], score["horizon"]) == ("calibrated", 5)
    ]
    assert score["crps"] == pytest.approx(crps)
    assert score["coverage"] == pytest.approx(np.mean((outcome >= bands[0.05]) & (outcome <= bands[0.95])))


def test_outcomes_are_those_of_the_files(walked: Walked) -> None:
    row = pd.read_csv(walked.out).iloc[-1]
    close = pd.read_csv(walked.csv_dir / f"{row.ticker}.csv", index_col="date")["close"]
    assert row.actual_log_return == pytest.approx(np.log(close[row.target_session] / close[row.as_of]))


def test_progress_counts_what_is_left(walked: Walked) -> None:
    assert "2 tickers, 3 origins to warm up, 5 to report, 2 fits" in walked.errors
    assert "origins: 8 of 8, 0:00:00 left" in walked.errors


def test_a_finished_walk_is_only_judged_again(walked: Walked) -> None:
    before = walked.out.read_bytes()
    done = run(walked.csv_dir, walked.out, "--markdown")
    assert "to do: 0 fits, 0 origins" in done.stderr
    assert "| method | h=1 | h=5 | mean |" in done.stdout
    assert "10 forecasts of 2 tickers from 5 origins, 2012-06-01 to 2012-08-27" in done.stdout
    assert walked.out.read_bytes() == before


def test_parts_of_another_walk_are_refused_and_left_alone(
    walked: Walked,
) -> None:
    before = walked.out.read_bytes()
    done = run(walked.csv_dir, walked.out, "--paths", "24")
    assert done.returncode == 2
    assert "found another (simulation differ); give another --out, or --restart" in done.stderr
    assert walked.out.read_bytes() == before


def test_a_killed_walk_leaves_no_process_and_goes_on_to_the_same_bytes(
    walked: Walked, tmp_path: Path
) -> None:
    out, errors = tmp_path / "rows.csv", tmp_path / "errors"
    parts = tmp_path / "rows.csv.parts"
    with errors.open("w") as log:
        process = subprocess.Popen(
            command(walked.csv_dir, out, workers=2), env=os.environ | TINY, stdout=subprocess.PIPE, stderr=log
        )
    while not list(parts.glob("*.npz")):
        assert process.poll() is None, errors.read_text()
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=120)  # the pipe ends when the last of its processes has let go of it
    assert not out.exists()
    done = run(walked.csv_dir, out)
    assert done.returncode == 0, done.stderr
    assert "to do: 0 fits" in done.stderr
    assert out.read_bytes() == walked.out.read_bytes()


@pytest.mark.long
def test_no_forecast_knows_the_future(walked: Walked, tmp_path: Path) -> None:
    known_through = date(2012, 7, 16)  # the third of the five origins, after both fits
    changed = tmp_path / "rows.csv"
    done = run(write_folder(tmp_path / "prices", known_through), changed)
    assert done.returncode == 0, done.stderr
    before, after = (pd.read_csv(path) for path in (walked.out, changed))
    early = before.as_of <= str(known_through)
    forecasts = [name for name in BACKTEST_ROWS.names if name != "actual_log_return"]
    pd.testing.assert_frame_equal(before.loc[early, forecasts], after.loc[early, forecasts])
    assert (before.loc[~early, "log_return"] != after.loc[~early, "log_return"]).any()
    assert (before.loc[early, "actual_log_return"] != after.loc[early, "actual_log_return"]).any()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--out", "rows.xlsx"], "Expected --out to end in one of .parquet, .csv, .csv.gz"),
        (["--methods", "prophet"], "Expected methods out of random_walk, fhs, har, garch, found 'prophet'"),
        (["--paths", "30"], "Expected --paths to be a multiple of the 4 dropout runs"),
        (["--horizons", "1,x"], "Expected horizons such as 1,5,10, found '1,x'"),
        (["--horizons", "5,1"], "horizons must increase"),
        (["--start", "2009-06-01"], "Expected at least 400 market sessions before 2009-06-01"),
        (["--start", "2012-09-01"], ": the end must not lie before the start; correct the options."),
    ],
)
def test_a_request_that_cannot_work_is_refused_at_once(
    walked: Walked, tmp_path: Path, more: list[str], sentence: str
) -> None:
    _, _, *arguments = command(walked.csv_dir, tmp_path / "rows.csv", *more)
    result = CliRunner().invoke(app, ["backtest", *arguments])
    assert isinstance(result.exception, UsageError)
    assert sentence in str(result.exception)
    assert not (tmp_path / "rows.csv.parts").exists()
