"""The pieces of a backtest: its work folder, what it settles beforehand, what it writes and prints."""

import importlib.util
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.backtest import options as module
from flows.backtest.checkpoint import WorkFolder, atomic
from flows.backtest.options import code_version, load_histories, require_writable, settle_methods
from flows.backtest.report import card_json, card_markdown, print_card, sheets
from flows.backtest.run import Progress, Walked, write
from flows.sources import SampleSource
from forecasting.backtesting.issue import Issued, Remark
from forecasting.backtesting.schedule import Plan
from forecasting.errors import MissingExtraError, SourceError, UnknownTickerError, UsageError
from forecasting.evaluation.scorecard import scorecard

DAY = date(2024, 5, 14)


@pytest.fixture
def issued() -> Issued:
    bands = np.random.default_rng(1).normal(size=(1, 2, 3))
    bands[0, 1, 0] = np.nan
    return Issued(
        origin=DAY,
        tickers=("AAA",),
        regimes=("stress",),
        targets=((date(2024, 5, 15), date(2024, 5, 16)),),
        quantiles={"predictive": bands, "fhs": 2 * bands},
        remarks=(Remark(DAY, "BBB", "all", "stale", "BBB: expected a bar, found none."),),
    )


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
    columns = "ticker as_of target_session horizon method level log_return actual_log_return"
    return frame[columns.split()]


def test_a_part_comes_back_as_it_was(tmp_path: Path, issued: Issued) -> None:
    folder = WorkFolder(tmp_path / "rows.csv")
    folder.open({"a": 1}, restart=False)
    assert not folder.has_part(DAY)
    folder.save_part(issued)
    found = folder.load_part(DAY)
    for name, bands in issued.quantiles.items():
        np.testing.assert_array_equal(found.quantiles[name], bands)
    assert (found.tickers, found.regimes, found.targets) == (issued.tickers, issued.regimes, issued.targets)
    assert found.remarks == issued.remarks


def test_an_origin_without_forecasts_comes_back_too(tmp_path: Path) -> None:
    folder = WorkFolder(tmp_path / "rows.csv")
    folder.open({}, restart=False)
    folder.save_part(Issued(DAY, (), (), (), {"predictive": np.empty((0, 2, 3))}, ()))
    assert folder.load_part(DAY).tickers == ()
    assert folder.load_part(DAY).targets == ()


def test_the_folder_opens_for_the_same_walk_alone(tmp_path: Path, issued: Issued) -> None:
    folder = WorkFolder(tmp_path / "rows.csv")
    folder.open({"walk": {"every": 5}, "code": "x"}, restart=False)
    folder.save_part(issued)
    folder.open({"walk": {"every": 5}, "code": "x"}, restart=False)
    with pytest.raises(UsageError, match=r"another \(code, walk differ\); give another --out, or --restart"):
        folder.open({"walk": {"every": 6}, "code": "y"}, restart=False)
    assert folder.has_part(DAY)
    folder.open({"walk": {"every": 6}, "code": "y"}, restart=True)
    assert not folder.has_part(DAY)


def test_a_folder_of_something_else_is_never_emptied(tmp_path: Path) -> None:
    folder = WorkFolder(tmp_path / "rows.csv")
    folder.path.mkdir()
    (folder.path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="found other files"):
        folder.open({}, restart=True)
    assert (folder.path / "thesis.txt").read_text() == "mine"


def test_what_a_killed_process_left_half_written_is_cleared(tmp_path: Path) -> None:
    folder = WorkFolder(tmp_path / "rows.csv")
    folder.open({}, restart=False)
    (folder.path / ".77-2024-05-14.npz").write_bytes(b"half")
    folder.open({}, restart=False)
    assert [path.name for path in folder.path.iterdir()] == ["manifest.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("old")

    def fail_half_way() -> None:
        with atomic(path) as unfinished:
            unfinished.write_text("new, h")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv", "rows.csv.gz"])
def test_every_kind_of_file_holds_the_same_rows_and_the_same_bytes_again(
    tmp_path: Path, rows: pd.DataFrame, name: str
) -> None:
    out, again = tmp_path / name, tmp_path / "again" / name
    for path in (out, again):
        write(rows, path)
    assert out.read_bytes() == again.read_bytes()
    dates = ["as_of", "target_session"]
    found = pd.read_parquet(out) if out.suffix == ".parquet" else pd.read_csv(out, parse_dates=dates)
    pd.testing.assert_frame_equal(found, rows, check_dtype=False)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make a package look as if it were not installed."""

    def hide(package: str) -> None:
        find = importlib.util.find_spec
        monkeypatch.setattr(
            module.importlib.util, "find_spec", lambda name: None if name == package else find(name)
        )

    return hide


def test_parquet_without_its_library_is_refused_with_the_extra_to_install(
    without: Callable[[str], None],
) -> None:
    require_writable(Path("rows.parquet"))
    without("pyarrow")
    require_writable(Path("rows.csv"))
    with pytest.raises(MissingExtraError, match=r"bandcast\[parquet\]"):
        require_writable(Path("rows.parquet"))


def test_the_random_walk_is_always_there_and_garch_where_it_can_run(without: Callable[[str], None]) -> None:
    assert settle_methods("garch, har") == ("random_walk", "har", "garch")
    assert settle_methods(None) == ("random_walk", "fhs", "har", "garch")
    without("arch")
    assert settle_methods(None) == ("random_walk", "fhs", "har")
    with pytest.raises(MissingExtraError, match=r"bandcast\[garch\]"):
        settle_methods("garch")


def test_a_ticker_without_prices_is_named_and_none_at_all_is_an_error() -> None:
    histories, faults = load_histories(SampleSource(), ["IBM", "NOPE"], date(2005, 1, 3))
    assert list(histories) == ["IBM"]
    assert isinstance(faults["NOPE"], UnknownTickerError)
    assert histories["IBM"].last_session == date(2005, 3, 4)  # outcomes of the last origins
    with pytest.raises(SourceError, match="found none: NOPE"):
        load_histories(SampleSource(), ["NOPE"], date(2005, 1, 3))


def test_the_code_version_is_that_of_what_makes_the_parts() -> None:
    assert code_version() == code_version()
    assert code_version().startswith("0.")


@pytest.fixture
def walked(rows: pd.DataFrame) -> Walked:
    remarks = tuple(Remark(DAY, "CCC", what, "stale", "detail") for what in ("all", "all", "garch"))
    fault = UnknownTickerError("NOPE", "the folder")
    plan = Plan((DAY,), (DAY,), (DAY,))
    return Walked(Path("rows.csv"), plan, 6, remarks, {"NOPE": fault}, scorecard(rows, 1), 61.0)


def test_what_was_left_out_is_counted_and_printed(walked: Walked, capsys: pytest.CaptureFixture[str]) -> None:
    assert walked.left_out() == {"garch: stale": {"CCC": 1}, "stale": {"CCC": 2}}
    print_card(walked)
    printed = capsys.readouterr().out
    assert "Left out or replaced, origins (stale): CCC 2" in printed
    assert "Left out everywhere: NOPE (unknown_ticker)" in printed
    assert "CRPS relative to the random walk" in printed


def test_the_json_is_json_and_what_is_not_known_is_null(walked: Walked) -> None:
    told = json.loads(card_json(walked), parse_constant=pytest.fail)
    assert told["contender"] == "calibrated"
    assert {row["method"]: row["crps_relative"] for row in told["scores"]} == {
        "calibrated": 1.0,
        "random_walk": 1.0,
    }
    assert told["tests"][0]["kupiec"] is None  # two outcomes are too few


def test_markdown_tables_are_whole(walked: Walked) -> None:
    for block in card_markdown(walked).split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1


def test_progress_counts_up_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("origins", 3)
    for _ in range(3):
        progress.step()
    lines = [line.rstrip() for line in capsys.readouterr().err.splitlines()]
    assert lines[0].startswith("origins: 1 of 3, ")
    assert lines[-1] == "origins: 3 of 3, 0:00:00 left"


def test_a_table_holds_the_numbers_of_its_method_and_horizon(walked: Walked) -> None:
    found = {sheet.title: sheet for sheet in sheets(walked.card)}
    coverage = found["Coverage of the 90% band"]
    assert coverage.columns == ("method", "h=1", "mean")
    assert coverage.rows == (("calibrated", "1.000", "1.000"), ("random_walk", "1.000", "1.000"))
    pinball = found["Pinball loss x 1000 at the lowest / highest level"]
    assert pinball.rows[1] == ("random_walk", "2.75 / 1.75", "2.75 / 1.75")  # 0.05 x 0.055, 0.05 x 0.035
    (pair,) = found[
        "CRPS of calibrated less that of the other, % of the random walk's, and 90 % interval"
    ].rows
    assert pair == ("random_walk", "+0.00 [+0.00, +0.00]", "+0.00 [+0.00, +0.00]")
    by_ticker = found["Coverage by ticker, calibrated"]
    assert by_ticker.rows[0] == ("AAA", "2", "1.000", "1.000")
