"""Bytes that a live ticker and session take in a store, table by table, and the time of publishing a session.

    python benchmarks/store_size.py --url sqlite:///size.db --tickers 5 --sessions 120
    python benchmarks/store_size.py --url sqlite:///publish.db --tickers 500 --sessions 2 --unscored

Bands and prices are made up; they are published, scored and pruned by the code of a run. The database must be
empty.
"""

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from statistics import NormalDist
from typing import get_args

import numpy as np
import pandas as pd

from db import RunRecord, Store, measure_store, open_store
from forecasting.config import BAND_LEVELS, CALIBRATED_LEVELS
from forecasting.evaluation.outcomes import score_issued
from forecasting.evaluation.paths import measure_path_outcomes
from forecasting.forecast import Forecast
from forecasting.model.odds import measure_odds
from forecasting.prices.history import BAR_COLUMNS, PriceHistory, as_actions
from forecasting.types import Band

HORIZON, PATHS, KEEP = 30, 200, timedelta(days=30)
EDGES, FINE_EDGES = (
    np.array([NormalDist().inv_cdf(level) for level in levels]) for levels in (BAND_LEVELS, CALIBRATED_LEVELS)
)
START = datetime(2024, 1, 2, 22, tzinfo=UTC)


def save_prices(store: Store, ticker: str, days: Sequence[date], *, seed: int) -> pd.Series:
    """Store a random walk of closes and return it."""
    moves = np.random.default_rng(seed).normal(0, 0.01, len(days))
    closes = pd.Series(100 * np.exp(np.cumsum(moves)), pd.DatetimeIndex(days))
    actions = as_actions(pd.DataFrame({"split": [], "dividend": []}, pd.DatetimeIndex([])))
    with store.writing() as tx:
        bars = pd.DataFrame(dict.fromkeys(BAR_COLUMNS, closes))
        tx.prices.save(PriceHistory(ticker, bars, actions), START)
    return closes


def make_forecast(ticker: str, days: Sequence[date], anchor: float, *, seed: int) -> Forecast:
    """Make bands from the first of some days to the others."""
    random = np.random.default_rng(seed)
    scale = 0.01 * np.sqrt(np.arange(1, HORIZON + 1))[:, None]  # (H, 1)
    bands = {band: scale * EDGES * random.uniform(0.9, 1.1) for band in get_args(Band)}  # (H, Q) each
    return Forecast(
        ticker=ticker,
        as_of=days[0],
        anchor_close=anchor,
        target_sessions=tuple(days[1 : 1 + HORIZON]),
        levels=BAND_LEVELS,
        log_returns=bands,
        model_variance=random.uniform(1e-4, 2e-4, HORIZON),
        noise_variance=random.uniform(1e-4, 2e-4, HORIZON),
        quality="baseline",
        data_fingerprint="f",
        regime="calm",
        n_outcomes=(100,) * HORIZON,
        refined=scale * FINE_EDGES * random.uniform(0.9, 1.1),
        odds=measure_odds(random.normal(0, 0.01, (PATHS, HORIZON)).cumsum(axis=1), BAND_LEVELS),
    )


def publish(store: Store, forecasts: list[Forecast], at: datetime) -> None:
    """Publish as a run does, and print how long it took."""
    with store.writing() as tx:
        version = tx.models.add_baseline(at)
    run = RunRecord(
        run_id=f"{at.date()}-0123456789",
        source=store.source,
        as_of=forecasts[0].as_of,
        model_version=version,
        seed=7,
        settings="{}",
        data_fingerprint="f",
        code_version="bench",
        library_versions="{}",
        flow_run_id=None,
        issued_at=at,
    )
    began = time.perf_counter()
    with store.reading() as tx:
        publication = tx.forecasts.prepare(run, forecasts)
    prepared = time.perf_counter()
    with store.writing() as tx:
        tx.forecasts.publish(publication)
    ended = time.perf_counter()
    print(f"{at.date()}: prepared in {prepared - began:.2f} s, written in {ended - prepared:.2f} s")


def score(store: Store, until: date, at: datetime) -> None:
    """Score what has closed."""
    with store.writing() as tx:
        for ticker in tx.outcomes.list_tickers():
            pending = tx.outcomes.load_pending(ticker, until)
            if not pending.empty:
                tx.outcomes.save(score_issued(pending, tx.prices.load(ticker, until)), at)
            paths = tx.paths.load_pending(ticker, until)
            tx.paths.save(measure_path_outcomes(paths, tx.prices.load(ticker, until)), at)


def main() -> None:
    """Fill the store, score and prune it, and print its sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--tickers", type=int, default=5)
    parser.add_argument("--sessions", type=int, default=120)
    parser.add_argument("--unscored", action="store_true", help="only publish")
    options = parser.parse_args()
    days = [day.date() for day in pd.bdate_range(START.date(), periods=options.sessions + 2 * HORIZON)]
    names = [f"T{number:04d}" for number in range(options.tickers)]
    with open_store(options.url, "sample") as store:
        closes = {name: save_prices(store, name, days, seed=seed) for seed, name in enumerate(names)}
        for index in range(options.sessions):
            at = datetime.combine(days[index], START.time(), UTC)
            made = [
                make_forecast(name, days[index:], float(closes[name].iloc[index]), seed=seed)
                for seed, name in enumerate(names)
            ]
            publish(store, made, at)
        if not options.unscored:
            score(store, days[-1], datetime.combine(days[-1], START.time(), UTC))
            print(store.prune(datetime.combine(days[-1], START.time(), UTC) + 2 * KEEP, KEEP))
    size = measure_store(options.url)
    sizes = dict(size.tables) if size else {}
    for table, count in (*sizes.items(), ("all", sum(sizes.values()))):
        print(f"{table:20} {count / 1000 / options.tickers / options.sessions:8.2f} kB a ticker and session")


if __name__ == "__main__":
    main()
