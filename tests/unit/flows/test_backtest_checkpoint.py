"""The checkpoint of a walk: what is finished comes back as it was, and only for the same walk."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.backtest.checkpoint import Checkpoint
from flows.files import atomic
from forecasting.backtesting.walk_forward import Issued, Remark
from forecasting.errors import UsageError

DAY = date(2024, 5, 14)


def prepare(checkpoint: Checkpoint, manifest: dict[str, Any], *, restart: bool = False) -> None:
    """Open and close it at once."""
    with checkpoint.open(manifest, restart=restart):
        pass


@pytest.fixture
def issued() -> Issued:
    bands = np.random.default_rng(1).normal(size=(1, 2, 3))
    bands[0, 1, 0] = np.nan
    return Issued(
        origin=DAY,
        horizons=(1, 2),
        levels=(0.05, 0.5, 0.95),
        tickers=("AAA",),
        regimes=("stress",),
        targets=((date(2024, 5, 15), date(2024, 5, 16)),),
        quantiles={"predictive": bands, "fhs": 2 * bands},
        remarks=(Remark(DAY, "BBB", "all", "stale", "BBB: expected a bar, found none."),),
        reports_ahead=((0, 1),),
    )


def test_a_part_comes_back_as_it_was(tmp_path: Path, issued: Issued) -> None:
    checkpoint = Checkpoint(tmp_path / "rows.csv")
    prepare(checkpoint, {"a": 1})
    assert not checkpoint.has_part(DAY)
    checkpoint.save_part(issued)
    found = checkpoint.load_part(DAY)
    for name, bands in issued.quantiles.items():
        np.testing.assert_array_equal(found.quantiles[name], bands)
    assert (found.tickers, found.regimes, found.targets) == (issued.tickers, issued.regimes, issued.targets)
    assert (found.horizons, found.levels) == (issued.horizons, issued.levels)
    assert (found.remarks, found.reports_ahead) == (issued.remarks, issued.reports_ahead)


def test_an_origin_without_forecasts_comes_back_too(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "rows.csv")
    prepare(checkpoint, {})
    checkpoint.save_part(
        Issued(DAY, (1, 2), (0.05, 0.5, 0.95), (), (), (), {"predictive": np.empty((0, 2, 3))}, (), ())
    )
    assert checkpoint.load_part(DAY).tickers == ()
    assert checkpoint.load_part(DAY).targets == ()


def test_the_checkpoint_opens_for_the_same_walk_alone(tmp_path: Path, issued: Issued) -> None:
    checkpoint = Checkpoint(tmp_path / "rows.csv")
    prepare(checkpoint, {"walk": {"every": 5}, "code": "x"})
    checkpoint.save_part(issued)
    prepare(checkpoint, {"walk": {"every": 5}, "code": "x"})
    with pytest.raises(UsageError, match=r"another \(code, walk differ\); give another --out, or --restart"):
        prepare(checkpoint, {"walk": {"every": 6}, "code": "y"})
    assert checkpoint.has_part(DAY)
    prepare(checkpoint, {"walk": {"every": 6}, "code": "y"}, restart=True)
    assert not checkpoint.has_part(DAY)


def test_a_folder_of_something_else_is_never_emptied(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "rows.csv")
    checkpoint.path.mkdir()
    (checkpoint.path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="found other files"):
        prepare(checkpoint, {}, restart=True)
    assert (checkpoint.path / "thesis.txt").read_text() == "mine"


def test_a_second_process_is_refused_as_long_as_the_first_one_works(tmp_path: Path, issued: Issued) -> None:
    first, second = Checkpoint(tmp_path / "rows.csv"), Checkpoint(tmp_path / "rows.csv")
    with first.open({}, restart=False):
        first.save_part(issued)
        for restart in (False, True):
            with pytest.raises(UsageError, match="found one; wait for it, or give another --out"):
                prepare(second, {}, restart=restart)
    prepare(second, {})
    assert second.has_part(DAY)


def test_what_a_killed_process_left_half_written_is_cleared(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "rows.csv")
    prepare(checkpoint, {})
    (checkpoint.path / ".77-2024-05-14.npz").write_bytes(b"half")
    prepare(checkpoint, {})
    assert [path.name for path in checkpoint.path.iterdir()] == ["manifest.json"]


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
