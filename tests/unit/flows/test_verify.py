"""Scores belong to the bands that are stored, whatever another run does meanwhile."""

import logging
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from issued_forecasts import make_forecast
from prefect.logging import disable_run_logger
from publishing import publish, select

from db import ModelRecord, RunRecord, Store
from db.repositories.outcomes import OutcomeRepository
from flows.context import open_context
from flows.steps.verify import verify_bands
from flows.steps.withdrawal import forget_prices
from forecasting.calendars.sessions import next_sessions
from forecasting.forecast import Forecast
from forecasting.prices.history import BAR_COLUMNS, PriceHistory, as_actions, as_bars
from forecasting.types import RunKind

NOW = datetime(2013, 3, 1, 22, tzinfo=UTC)
MONDAY = date(2013, 2, 25)


def save_prices(store: Store) -> None:
    days = pd.DatetimeIndex([MONDAY, *next_sessions("XNYS", MONDAY, 4)])
    bars = as_bars(pd.DataFrame(dict.fromkeys(BAR_COLUMNS, np.arange(100.0, 105.0)), days))
    with store.writing() as tx:
        tx.prices.save(PriceHistory("IBM", bars, as_actions(bars.iloc[:0])), NOW)


def make_bands(width: float) -> Forecast:
    forecast = make_forecast("IBM", MONDAY, 3)
    edges = np.tile([-width, 0.0, width], (3, 1))
    return replace(
        forecast,
        anchor_close=100.0,
        levels=(0.05, 0.5, 0.95),
        log_returns=dict.fromkeys(forecast.log_returns, edges),
    )


@pytest.mark.parametrize("kind", ["backfill", "live"])
def test_a_band_that_is_replaced_while_it_is_verified_has_its_own_score_alone(
    store: Store, model: ModelRecord, run: RunRecord, kind: RunKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_prices(store)
    with store.writing() as tx:
        tx.models.add(model)
    first = replace(run, as_of=MONDAY, kind="backfill", issued_at=NOW)
    publish(store, first, make_bands(0.2))
    load = OutcomeRepository.load_pending

    def meet(self: OutcomeRepository, ticker: str, until: date, since: date = date.min) -> pd.DataFrame:
        monkeypatch.setattr(OutcomeRepository, "load_pending", load)
        pending = load(self, ticker, until, since)
        publish(store, replace(first, run_id="r2", kind=kind), make_bands(0.001))
        return pending

    monkeypatch.setattr(OutcomeRepository, "load_pending", meet)
    with open_context(NOW, date(2013, 2, 28), now=NOW, tickers=["IBM"]) as context, disable_run_logger():
        assert verify_bands.fn(context, date.min) == 3
    columns = "SELECT kind, horizon, upper, inside FROM verifications"
    found = select(store, f"{columns} WHERE method = 'calibrated' ORDER BY horizon")
    assert found == [(kind, horizon, 0.001, 0) for horizon in (1, 2, 3)]


def test_a_band_whose_bars_were_forgotten_waits_for_them_without_a_word(
    store: Store,
    model: ModelRecord,
    run: RunRecord,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    save_prices(store)
    with store.writing() as tx:
        tx.models.add(model)
    publish(store, replace(run, as_of=MONDAY, issued_at=NOW), make_bands(0.2))
    with store.writing() as tx:
        forget_prices(tx, "IBM", start=None, end=None, now=NOW)
    monkeypatch.setattr("flows.steps.verify.get_run_logger", lambda: logging.getLogger("run"))
    with open_context(NOW, date(2013, 2, 28), now=NOW, tickers=["IBM"]) as context, disable_run_logger():
        assert verify_bands.fn(context, date.min) == 0
        assert caplog.messages == []
        save_prices(store)
        assert verify_bands.fn(context, date.min) == 3
