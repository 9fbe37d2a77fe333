"""Rows of a walk that anyone can score: issued quantiles beside realised returns."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from forecasting.backtesting.walk_forward import Issued
from forecasting.evaluation.outcomes import tabulate_scores
from forecasting.evaluation.scores import Scores
from forecasting.features.returns import DailyReturns
from forecasting.tables import BACKTEST_ROWS, BAND_SCORES
from forecasting.types import Floats


def realise(issued: Issued, universe: Mapping[str, DailyReturns]) -> Floats:
    """Return (N, H) cumulative log returns from the origin to each target; NaN where that has no bar yet."""
    if not issued.tickers:
        return np.empty((0, 0))
    targets = np.array(issued.targets, "datetime64[D]")  # (N, H)
    return np.stack(
        [
            universe[ticker].realised(issued.origin, days)
            for ticker, days in zip(issued.tickers, targets, strict=True)
        ]
    )


def tabulate_walk(issued: Sequence[Issued], universe: Mapping[str, DailyReturns]) -> pd.DataFrame:
    """Return BACKTEST_ROWS: ticker, as_of, horizon, method and level, in that order, with the outcome.

    A method without a forecast of a ticker has no rows of it; an outcome that is not known yet is NaN. All
    origins have the same horizons and levels.
    """
    forecast = [origin for origin in issued if origin.tickers]
    if not forecast:
        return BACKTEST_ROWS.empty()
    methods = tuple(dict.fromkeys(name for origin in forecast for name in origin.quantiles))
    tickers = tuple(dict.fromkeys(ticker for origin in forecast for ticker in origin.tickers))
    blocks = [
        _index_block(origin, realise(origin, universe), methods, tickers=tickers) for origin in forecast
    ]
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    frame = pd.DataFrame(
        {
            **columns,
            "ticker": pd.Categorical.from_codes(columns["ticker"], list(tickers)),
            "horizon": np.asarray(forecast[0].horizons, np.int8)[columns["horizon"]],
            "method": pd.Categorical.from_codes(columns["method"], list(methods)),
            "level": np.asarray(forecast[0].levels)[columns["level"]],
        },
        columns=BACKTEST_ROWS.names,
    )
    return frame[frame["log_return"].notna()].reset_index(drop=True)


def score_walk(issued: Sequence[Issued], universe: Mapping[str, DailyReturns]) -> pd.DataFrame:
    """Return BAND_SCORES of forecasts that were never issued, of what has closed in `universe`."""
    parts = [
        _score_band(origin, realise(origin, universe), band)
        for origin in issued
        if origin.tickers
        for band in origin.quantiles
    ]
    return pd.concat(parts, ignore_index=True) if parts else BAND_SCORES.empty()


def _score_band(issued: Issued, actual: Floats, band: str) -> pd.DataFrame:
    quantiles = issued.quantiles[band]
    ticker, step = np.nonzero(np.isfinite(actual) & np.isfinite(quantiles).all(axis=-1))
    facts = pd.DataFrame(
        {
            "ticker": np.array(issued.tickers, object)[ticker],
            "as_of": issued.origin,
            "target_session": np.array(issued.targets, object)[ticker, step],
            "band": band,
            "kind": "walk_forward",
            "horizon": np.asarray(issued.horizons, np.int64)[step],
            "quality": "champion",
            "regime": np.array(issued.regimes, object)[ticker],
            "reports_ahead": np.array(issued.reports_ahead, np.int64)[ticker, step],
            "actual_close": np.nan,  # a walk has returns, not closes
        }
    )
    return tabulate_scores(facts, Scores(issued.levels, quantiles[ticker, step], actual[ticker, step]))


def _index_block(
    issued: Issued, actual: Floats, methods: Sequence[str], *, tickers: Sequence[str]
) -> dict[str, np.ndarray]:
    """Columns of one origin, each of N x H x P x Q values; ticker, horizon, method and level as indices."""
    absent = np.full_like(issued.quantiles["predictive"], np.nan)
    cube = np.stack([issued.quantiles.get(name, absent) for name in methods], axis=2)  # (N, H, P, Q)
    row, horizon, method, level = (axis.ravel() for axis in np.indices(cube.shape, dtype=np.int16))
    names = np.array([tickers.index(ticker) for ticker in issued.tickers], np.int16)
    targets = np.array(issued.targets, "datetime64[s]")  # (N, H)
    return {
        "ticker": names[row],
        "as_of": np.full(cube.size, np.datetime64(issued.origin, "s")),
        "target_session": targets[row, horizon],
        "horizon": horizon,
        "method": method,
        "level": level,
        "log_return": cube.ravel(),
        "actual_log_return": actual[row, horizon],
        "reports_ahead": np.array(issued.reports_ahead, np.int8)[row, horizon],
    }
