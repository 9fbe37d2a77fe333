"""A training universe of its own: its prices come when a model is due, and nothing else is made of them."""

import json
from datetime import date
from pathlib import Path

import pytest
from flow_runs import complete
from reading_store import rows
from typer.testing import CliRunner
from vendor_simulator import make_history, make_listing
from yahoo_imitation import Yahoo

from flows.cli import app
from flows.daily import daily
from flows.retrain import retrain

pytestmark = pytest.mark.usefixtures("prefect_url")

DAYS = date(2024, 6, 6), date(2024, 6, 7)
OTHERS = ("IBM", "KO", "XOM")


@pytest.fixture(autouse=True)
def listings(yahoo: Yahoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred sessions of each ticker; GONE is on the list, and Yahoo does not know it."""
    for seed, ticker in enumerate(("AAPL", *OTHERS)):
        history = make_history(ticker, DAYS[-1], seed, sessions=480)
        yahoo.listings[ticker] = make_listing("XNYS", history)
    (tmp_path / "wide.csv").write_text("ticker\n" + "\n".join((*OTHERS, "GONE")))
    monkeypatch.setenv("BANDCAST_TRAIN_UNIVERSE", str(tmp_path / "wide.csv"))
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", "700")
    monkeypatch.setenv("BANDCAST_MODEL__REFERENCE_TICKERS", "2")


def test_its_prices_are_fetched_for_training_alone(yahoo: Yahoo, caplog: pytest.LogCaptureFixture) -> None:
    summary = complete(daily, tickers=["AAPL"], as_of=DAYS[0], horizon=5)
    assert (summary.tickers, summary.quarantined) == (("AAPL",), {})
    stored = rows("SELECT DISTINCT ticker FROM price_bars ORDER BY ticker")
    assert stored == [(ticker,) for ticker in ("AAPL", *OTHERS)]
    for table in ("forecasts", "universes", "latest_forecast"):
        assert rows(f"SELECT DISTINCT ticker FROM {table}") == [("AAPL",)]
    assert rows("SELECT count(*) FROM quarantines") == [(0,)]
    shown = json.loads(CliRunner().invoke(app, ["prices", "status", "--json"]).stdout)
    assert [status["ticker"] for status in shown] == ["AAPL"]
    told = [record.getMessage() for record in caplog.records]
    assert any("prices of 4 tickers" in text and "BANDCAST_TRAIN_UNIVERSE=own" in text for text in told)
    assert any("no new prices of GONE (unknown_ticker)" in text for text in told)
    assert any("trained on 4 tickers, fewer than 100" in text for text in told)

    pulled = {ticker: yahoo.charts(ticker) for ticker in OTHERS}
    complete(daily, tickers=["AAPL"], as_of=DAYS[1], horizon=5)  # no model is due
    again = {ticker for ticker in OTHERS if yahoo.charts(ticker) > pulled[ticker]}
    assert len(again) <= 2  # the reference universe at most


@pytest.mark.long  # the step is the same; only the flow around it is another
def test_a_retrain_learns_from_it_and_quarantines_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL")
    summary = complete(retrain, as_of=DAYS[0], tickers=[])
    assert summary.quarantined == {}
    ((config,),) = rows("SELECT config FROM model_versions")
    assert '"no_correction":"trained on 4 tickers, fewer than 100"' in config.replace(": ", ":")
    assert rows("SELECT count(*) FROM quarantines") == [(0,)]
