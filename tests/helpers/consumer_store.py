"""A small store as consumers find it: two sources, three tickers, a split, misses and a quarantine."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pandas as pd
from records import make_run
from store_twin import SESSIONS, Bands, make_forecast

from db import ModelRecord, QuarantineRecord, Store
from forecasting.evaluation.outcomes import score_issued
from forecasting.prices.history import BAR_COLUMNS, PriceHistory
from forecasting.types import RunKind

LAST_BAR = 7
# As traded, from SESSIONS[0] on. NVDA splits 4:1 at SESSIONS[5].
CLOSES = {
    "AAPL": (185.6, 184.3, 181.9, 181.2, 195.6, 185.1, 186.2, 185.6),
    "MSFT": (370.9, 370.6, 367.9, 367.8, 374.7, 375.8, 382.8, 384.6),
    "NVDA": (481.7, 475.7, 480.0, 491.0, 522.5, 132.9, 135.9, 137.1),
}
SPLIT = {"NVDA": (5, 4.0)}
MODEL = ModelRecord(
    version="m1",
    source="yahoo",
    trained_through=SESSIONS[0] - timedelta(days=3),
    weights=b"",
    config="{}",
    metrics={},
    data_fingerprint="f",
    created_at=datetime(2024, 1, 1, 6, tzinfo=UTC),
)


def fill(store: Store) -> None:
    """Save prices, publish four sessions of `yahoo` and the last of `sample`, and score what has closed."""
    sample = store.for_source("sample")
    for own in (store, sample):
        for ticker, closes in CLOSES.items():
            save_prices(own, ticker, closes)
    with store.writing() as tx:
        tx.models.add(MODEL)
        tx.models.promote(MODEL.version)
        walk = tx.models.add_baseline(MODEL.created_at)
        late = at_close(2)
        tx.quarantines.add([QuarantineRecord("yahoo", "MSFT", SESSIONS[3], "stale", "No bar.", late)])
    publish(store, 0, {"AAPL": 0.05, "MSFT": 0.04, "NVDA": 0.08}, kind="backfill")
    publish(store, 1, {"AAPL": 0.03, "MSFT": 0.02, "NVDA": 0.09})
    publish(store, 2, {"AAPL": 0.06, "MSFT": 0.03, "NVDA": 0.1}, model=walk)
    publish(store, 3, {"AAPL": 0.04, "NVDA": 0.12}, left_out='{"MSFT": "stale"}')
    publish(sample, 3, {"AAPL": 0.5})
    for own in (store, sample):
        verify(own)


def at_close(index: int) -> datetime:
    """Return the hour in which a session's run is issued."""
    return datetime.combine(SESSIONS[index], datetime.min.time(), UTC) + timedelta(hours=22)


def save_prices(store: Store, ticker: str, closes: tuple[float, ...]) -> None:
    """Save bars and the split of a ticker."""
    days = pd.DatetimeIndex(SESSIONS[: len(closes)])
    bars = pd.DataFrame(dict.fromkeys(BAR_COLUMNS, pd.Series(closes, days)))
    splits = {SESSIONS[index]: ratio for index, ratio in [SPLIT[ticker]]} if ticker in SPLIT else {}
    actions = pd.DataFrame({"split": pd.Series(splits, dtype="float64"), "dividend": 0.0})
    actions.index = pd.DatetimeIndex(actions.index)
    with store.writing() as tx:
        tx.prices.save(PriceHistory(ticker, bars, actions), at_close(LAST_BAR))


def publish(
    store: Store,
    index: int,
    widths: Mapping[str, float],
    *,
    kind: RunKind = "live",
    model: str = MODEL.version,
    left_out: str = "{}",
) -> None:
    """Publish bands of five sessions from a session, by ticker as wide as its log return."""
    session = SESSIONS[index]
    run = make_run(
        f"{store.source}-{index}",
        session,
        at_close(index),
        source=store.source,
        model_version=model,
        quarantined=left_out,
        kind=kind,
    )
    forecasts = [
        make_forecast(ticker, session, Bands(kind, CLOSES[ticker][index], width, 5))
        for ticker, width in widths.items()
    ]
    ages = {ticker: 0 if ticker in widths else 1 for ticker in CLOSES}
    with store.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(run, forecasts), ages)


def verify(store: Store) -> None:
    """Score every band whose target session has a bar."""
    for ticker in CLOSES:
        with store.writing() as tx:
            pending = tx.outcomes.load_pending(ticker, SESSIONS[LAST_BAR])
            if not pending.empty:
                history = tx.prices.load(ticker, SESSIONS[LAST_BAR])
                tx.outcomes.save(score_issued(pending, history), at_close(LAST_BAR))
