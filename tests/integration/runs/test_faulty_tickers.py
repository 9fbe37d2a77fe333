"""One ticker's fault has a name in every place where it is left out, and the others go on.

Beside two healthy shares: one whose exchange calendar ends with 2026, one with a short history, and one whose
stored bars are broken.
"""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from flow_runs import complete, fail
from price_files import write_prices
from reading_store import connection, rows
from vendor_simulator import make_history

from db import Store
from flows.backtest.options import BacktestOptions
from flows.backtest.run import run_backtest
from flows.daily import daily
from flows.forecast import forecast
from flows.ingest import ingest
from flows.retrain import retrain
from flows.settings import load_settings
from flows.sources import SOURCES, CsvSource
from flows.steps.replay import replay_run
from flows.summary import RunSummary
from forecasting.errors import ModelError

LAST, AS_OF, CALENDAR_END = date(2027, 2, 12), date(2026, 12, 30), date(2026, 12, 31)
HEALTHY = ("AAA", "BBB")
REASONS = {"BROKEN": "non_positive_price", "INFY.NS": "sessions_unknown", "YOUNG": "short_history"}
AFTER_LAST = 29  # XNYS sessions from AS_OF to LAST


@pytest.fixture(autouse=True)
def prices(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of all five, none of them broken yet; their days are over, whatever the clock shows."""
    folder = workplace / "prices"
    monkeypatch.setitem(SOURCES, "csv", lambda *_: CsvSource(folder))
    for seed, ticker in enumerate((*HEALTHY, "BROKEN")):
        write_prices(folder, make_history(ticker, LAST, seed, sessions=560))
    write_prices(folder, make_history("YOUNG", LAST, seed=3, sessions=30 + AFTER_LAST))
    write_prices(folder, make_history("INFY.NS", CALENDAR_END, seed=4, sessions=530))
    monkeypatch.setenv("BANDCAST_SOURCE", "csv")
    monkeypatch.setenv("BANDCAST_CSV_DIR", str(folder))
    monkeypatch.setenv("BANDCAST_CALIBRATION__FEWEST_OUTCOMES", "250")  # so that history is walked
    monkeypatch.setenv("BANDCAST_WARM_START__SESSIONS", "20")
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "0.4")
    return folder


@pytest.fixture
def summary(prefect_url: str) -> RunSummary:
    """A run from the store that trains, walks history and forecasts, after a bar was broken there."""
    complete(ingest, as_of=AS_OF)
    with connection() as opened:
        opened.execute(
            sa.text("UPDATE price_bars SET low = -1 WHERE ticker = 'BROKEN' AND session = '2026-06-03'")
        )
    return complete(forecast, as_of=AS_OF, retrain="always")


def load_left_out(table: str) -> dict[str, str]:
    """Ticker -> sentence, of the only row."""
    ((text,),) = rows(f"SELECT left_out FROM {table}")
    left_out: dict[str, str] = json.loads(text)
    return left_out


def test_each_fault_is_named_where_its_ticker_is_left_out(
    run_log: list[str], summary: RunSummary, store: Store
) -> None:
    assert summary.tickers == HEALTHY
    assert {ticker: error.reason for ticker, error in summary.quarantined.items()} == REASONS
    assert dict(rows("SELECT ticker, reason FROM quarantines")) == REASONS
    ((quarantined,),) = rows("SELECT quarantined FROM forecast_runs")
    assert json.loads(quarantined) == REASONS
    assert set(load_left_out("calibrations")) == set(REASONS)
    # Mumbai's calendar reaches one session ahead, and training needs no calendar.
    assert set(load_left_out("gate_decisions")) == {"BROKEN", "YOUNG"}
    manifest = store.load_model(str(summary.model_version)).manifest
    assert set(manifest.left_out) == {"BROKEN", "YOUNG"}
    assert manifest.reference == ("AAA", "BBB", "INFY.NS")
    for step, tickers in {
        "calibrate: left out": REASONS,
        "train: left out": manifest.left_out,
        "promotion: left out": load_left_out("gate_decisions"),
        "quarantined": REASONS,
    }.items():
        for ticker in tickers:
            assert any(step in line and f" {ticker}: " in line for line in run_log), (step, ticker)


def test_the_healthy_ones_are_learned_from_promoted_and_made_again_to_the_bit(
    summary: RunSummary, store: Store
) -> None:
    assert dict(rows("SELECT ticker, count(*) FROM forecasts GROUP BY ticker")) == dict.fromkeys(HEALTHY, 30)
    walked = rows("SELECT DISTINCT ticker FROM verifications WHERE kind = 'walk_forward' ORDER BY ticker")
    assert [ticker for (ticker,) in walked] == list(HEALTHY)
    assert rows("SELECT promoted FROM gate_decisions") == [(1,)]
    replayed = replay_run(store, str(summary.run_id))
    assert replayed.equal
    assert replayed.same == HEALTHY


@pytest.mark.usefixtures("prefect_url")
def test_a_calendar_that_has_ended_stops_no_daily_run_nor_what_it_fills() -> None:
    """A ticker with earlier bands whose exchange is no longer known."""
    tickers = ["AAA", "BBB", "INFY.NS"]
    before = complete(daily, tickers=tickers, as_of=date(2026, 12, 18), horizon=5)
    assert before.tickers == ("AAA", "BBB", "INFY.NS")
    after = complete(daily, tickers=tickers, as_of=LAST, horizon=5, catch_up="fill", look_back=1)
    assert after.tickers == HEALTHY
    assert {ticker: error.reason for ticker, error in after.quarantined.items()} == {
        "INFY.NS": "sessions_unknown"
    }
    assert after.filled is not None
    assert [(fill.session, fill.published) for fill in after.filled] == [(date(2027, 2, 11), HEALTHY)]


@pytest.mark.long
def test_a_backtest_counts_the_origins_that_each_fault_takes_from_its_ticker(
    prices: Path, workplace: Path
) -> None:
    frame = pd.read_csv(prices / "BROKEN.csv")
    frame.loc[400, "low"] = -1  # too recent to be left out with all before
    frame.to_csv(prices / "BROKEN.csv", index=False)
    options = BacktestOptions(
        out=workplace / "rows.csv",
        start=date(2026, 12, 1),
        end=AS_OF,
        every=10,
        retrain_every=252,
        warm_up=0,
        horizons="1,30",
        paths=None,
        methods="random_walk",
        workers=1,
        restart=False,
    )
    result = run_backtest(options, load_settings(), datetime(2027, 3, 1, tzinfo=UTC))
    assert {ticker: error.reason for ticker, error in result.faults.items()} == {"BROKEN": REASONS["BROKEN"]}
    origins = len(result.schedule.origins)
    assert origins == 3
    assert result.left_out() == {
        "sessions_unknown": {"INFY.NS": origins},
        "short_history": {"YOUNG": origins},
    }
    assert result.forecasts == len(HEALTHY) * origins


def write_halted(folder: Path) -> None:
    """Write a file of a ticker that has not moved for 200 sessions."""
    halted = make_history("HALTED", LAST, seed=5, sessions=560)
    before, *frozen = halted.bars.index[-200:]
    halted.bars.loc[frozen, ["open", "high", "low", "close"]] = halted.bars.loc[before, "close"]
    write_prices(folder, halted)


@pytest.mark.usefixtures("prefect_url")
def test_a_halted_ticker_is_neither_forecast_from_the_store_nor_trained_on(
    prices: Path, store: Store
) -> None:
    write_halted(prices)
    complete(ingest, as_of=AS_OF)
    assert rows("SELECT max(session) FROM price_bars WHERE ticker = 'HALTED'") == [(str(AS_OF),)]
    summary: RunSummary = complete(forecast, as_of=AS_OF, retrain="always")
    assert summary.quarantined["HALTED"].reason == "stale_price"
    assert "HALTED" not in summary.tickers
    manifest = store.load_model(str(summary.model_version)).manifest
    assert "found one price" in manifest.left_out["HALTED"]
    assert "HALTED" not in manifest.reference


@pytest.mark.usefixtures("prefect_url")
def test_a_training_on_nothing_but_a_halted_ticker_fails_for_its_reason(prices: Path) -> None:
    write_halted(prices)
    error = fail(retrain, tickers=["HALTED"], as_of=AS_OF)
    assert isinstance(error, ModelError)
    assert "found none: HALTED: expected trading within the last 60 sessions" in str(error)
