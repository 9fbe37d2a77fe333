"""Options of a backtest: resolved and checked before hours are spent."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.backtest.options import (
    fetch_universe,
    fingerprint_core,
    require_writable,
    resolve_methods,
    resolve_simulation,
)
from flows.settings import load_settings
from flows.sources import SampleSource
from forecasting.config import SCORE_LEVELS
from forecasting.errors import MissingExtraError, SourceError, UnknownTickerError, UsageError, VendorError
from forecasting.prices.history import PriceHistory

NOW = datetime(2005, 6, 1, tzinfo=UTC)


def without(missing: str) -> Callable[[str], bool]:
    """Everything is installed but one package."""
    return lambda package: package != missing


def test_parquet_without_its_library_is_refused_with_the_extra_to_install() -> None:
    require_writable(Path("rows.parquet"))
    require_writable(Path("rows.csv"), without("pyarrow"))
    with pytest.raises(MissingExtraError, match=r"bandcast\[parquet\]"):
        require_writable(Path("rows.parquet"), without("pyarrow"))


def test_the_random_walk_is_always_there_and_garch_where_it_can_run() -> None:
    assert resolve_methods("garch, har") == ("random_walk", "har", "garch")
    assert resolve_methods(None) == ("random_walk", "fhs", "har", "garch")
    assert resolve_methods(None, without("arch")) == ("random_walk", "fhs", "har")
    with pytest.raises(MissingExtraError, match=r"bandcast\[garch\]"):
        resolve_methods("garch", without("arch"))


@pytest.mark.parametrize("paths", [2, 10, 4004])
def test_paths_must_divide_by_the_dropout_runs(paths: int) -> None:
    settings = load_settings()  # four runs, in these tests
    with pytest.raises(UsageError, match=f"multiple of the 4 dropout runs .* found {paths}"):
        resolve_simulation(settings, paths, 30)


def test_paths_are_those_of_all_runs_together() -> None:
    simulation = resolve_simulation(load_settings(), 40, 10)
    assert (simulation.dropout_runs, simulation.noise_paths, simulation.horizon) == (4, 10, 10)
    assert simulation.levels == SCORE_LEVELS
    assert resolve_simulation(load_settings(), None, 10).noise_paths == 3


def test_a_ticker_without_prices_is_named_and_none_at_all_is_an_error() -> None:
    end = date(2005, 1, 3)
    universe = fetch_universe(load_settings(), SampleSource(), ["IBM", "NOPE"], end=end, now=NOW)
    assert list(universe.returns) == ["IBM"]
    assert isinstance(universe.faults["NOPE"], UnknownTickerError)
    assert universe.returns["IBM"].last_session == date(2005, 3, 4)  # outcomes of the last origins
    with pytest.raises(SourceError, match="found none: NOPE"):
        fetch_universe(load_settings(), SampleSource(), ["NOPE"], end=end, now=NOW)


class _FailingOnce(SampleSource):
    """A live source whose first download fails; it notes up to which day each ticker was asked for."""

    live = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, date]] = []

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        self.asked.append((ticker, end))
        if len(self.asked) == 1:
            raise VendorError(ticker, "no answer")
        return super().fetch(ticker, start, end)


def test_a_download_that_fails_once_is_tried_again_up_to_the_last_session_of_its_own_exchange() -> None:
    source, settings = _FailingOnce(), load_settings(retry_seconds=0.001)
    evening = datetime(2005, 3, 1, 22, tzinfo=UTC)  # New York has closed, a bar in UTC has not
    universe = fetch_universe(settings, source, ["IBM", "BTC-USD"], end=date(2005, 3, 1), now=evening)
    assert source.asked == [("IBM", date(2005, 3, 1))] * 2 + [("BTC-USD", date(2005, 2, 28))]
    assert list(universe.returns) == ["IBM"]


def test_finished_parts_outlive_a_change_of_what_comes_after_the_forecasts(tmp_path: Path) -> None:
    for room in ("model", "evaluation"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "module.py").write_text("VALUE = 1")
    before = fingerprint_core(tmp_path)
    (tmp_path / "evaluation" / "module.py").write_text("VALUE = 2")
    assert fingerprint_core(tmp_path) == before
    (tmp_path / "model" / "module.py").write_text("VALUE = 2")
    assert fingerprint_core(tmp_path) != before
