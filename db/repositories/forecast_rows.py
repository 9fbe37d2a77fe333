"""Conversion of a forecast to rows of its two tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from db.bulk import Batch
from db.records import RunRecord, TickerSession
from db.schema.quantiles import LOG_RETURNS, PRICES
from db.sql import Plain, Row, to_plain, to_plain_rows
from forecasting.config import CALIBRATED_LEVELS
from forecasting.forecast import Forecast
from forecasting.types import Band, Floats, PathStatistic, RunKind

SERVED_BAND: Band = "calibrated"
_METADATA = ("issued_at", "run_id", "edition")  # of a row: how it was published, not what it forecasts
_NO_QUANTILES: Row = dict.fromkeys((*LOG_RETURNS.values(), *PRICES.values()))
_TAIL = LOG_RETURNS[CALIBRATED_LEVELS[0]]
Values = set[frozenset[tuple[str, object]]]


@dataclass(frozen=True)
class ForecastRows:
    """One forecast as rows.

    Attributes:
        ticker: The symbol.
        as_of: The session forecast from.
        horizons: Rows of table `forecasts`, one per horizon.
        quantiles: Rows of table `band_quantiles`, one per horizon and band.
        odds: Rows of table `path_odds`, one per horizon, statistic and level.
    """

    ticker: str
    as_of: date
    horizons: list[Row]
    quantiles: list[Row]
    odds: list[Row]

    @property
    def key(self) -> TickerSession:
        """Ticker and `as_of`."""
        return self.ticker, self.as_of


@dataclass(frozen=True)
class Issue:
    """The run that a stored forecast is of; another run, or another issue of it, is another one.

    Attributes:
        run_id: Of the run.
        issued_at: When it was issued (UTC).
        kind: `live` or `backfill`.
        edition: The newest that is stored.
    """

    run_id: str
    issued_at: datetime
    kind: RunKind
    edition: int


Issues = dict[TickerSession, Issue]


@dataclass(frozen=True)
class Publication:
    """Forecasts of a run, compared with the stored ones and ready to be written.

    Attributes:
        run: The run.
        issued: Its forecasts.
        stored: Issues that they were compared with.
        ages: Ticker -> sessions of its exchange that have closed after its newest band.
        listed: Configured tickers, which stay in the universe of a run with fewer.
        reissue: True if live forecasts with other values get a new edition.
        kept: Ticker and `as_of` of live forecasts with other values, which stay as they were issued.
        editions: Ticker and `as_of` of these -> the edition that a reissue adds.
        replaced: Ticker and `as_of` of backfilled forecasts with other values.
        batches: Rows to insert.
    """

    run: RunRecord
    issued: tuple[Forecast, ...]
    stored: Issues
    ages: Mapping[str, int]
    listed: tuple[str, ...]
    reissue: bool
    kept: tuple[TickerSession, ...]
    editions: Mapping[TickerSession, int]
    replaced: tuple[TickerSession, ...]
    batches: tuple[Batch, ...]

    @property
    def changes(self) -> bool:
        """Return whether any forecast is new or has other values than the stored one."""
        return any(batch.parameters for batch in self.batches)


def build_rows(run: RunRecord, forecast: Forecast) -> ForecastRows:
    """Convert a forecast of a run to rows.

    Raises:
        StoreError: A value is infinite.
    """
    quantiles = [row for band in forecast.log_returns for row in _quantile_rows(run, forecast, band)]
    horizons = to_plain_rows(_horizon_rows(run, forecast))
    odds = to_plain_rows(_odds_rows(run, forecast))
    return ForecastRows(forecast.ticker, forecast.as_of, horizons, quantiles, odds)


def collect_values(rows: Iterable[Mapping[str, object]]) -> Values:
    """Collect rows without order and publication metadata, to compare them with others."""
    return {frozenset(item for item in row.items() if item[0] not in _METADATA) for row in rows}


def keep_stored(quantiles: Sequence[Row], stored: Iterable[Row]) -> list[Row]:
    """Leave out what the store does not keep: pruned comparison bands, levels that earlier releases had not.

    Args:
        quantiles: Of a forecast that is compared with the stored one.
        stored: Rows that are stored of it.
    """
    kept = {(row["target_session"], row["band"]): row for row in stored}
    pairs = ((row, kept.get((row["target_session"], row["band"]))) for row in quantiles)
    return [
        row if other is None or other[_TAIL] is not None else _keep_levels(row, other)
        for row, other in pairs
        if other is not None or row["band"] == SERVED_BAND
    ]


def _keep_levels(row: Row, other: Row) -> Row:
    """Return a row of quantiles with those alone that another one has."""
    return {name: None if name in _NO_QUANTILES and other[name] is None else row[name] for name in row}


def _horizon_rows(run: RunRecord, forecast: Forecast) -> Iterator[dict[str, object]]:
    common = {
        "source": run.source,
        "ticker": forecast.ticker,
        "as_of": forecast.as_of,
        "anchor_close": forecast.anchor_close,
        "coverage": forecast.nominal_coverage,
        "quality": forecast.quality,
        "regime": forecast.regime,
        "model_version": forecast.model_version or run.model_version,
        "issued_at": run.issued_at,
        "run_id": run.run_id,
    }
    columns: Mapping[str, Sequence[float | None] | np.ndarray] = {
        "lower": forecast.price_at(SERVED_BAND, forecast.levels[0]),
        "median": forecast.price_at(SERVED_BAND, 0.5),
        "upper": forecast.price_at(SERVED_BAND, forecast.levels[-1]),
        "model_variance": forecast.model_variance,
        "noise_variance": forecast.noise_variance,
        "outcomes": forecast.n_outcomes,
        "reports_ahead": forecast.reports_ahead or (None,) * forecast.horizon,
    }
    for step, session in enumerate(forecast.target_sessions):
        values = {name: column[step] for name, column in columns.items()}
        yield {**common, "target_session": session, "horizon": step + 1, **values}


def _quantile_rows(run: RunRecord, forecast: Forecast, band: Band) -> Iterator[Row]:
    levels = [round(level, 6) for level in forecast.levels_of(band)]
    columns = [name for level in levels for name in (LOG_RETURNS[level], PRICES[level])]
    log_returns = forecast.quantiles_of(band)  # (H, Q)
    prices = forecast.anchor_close * np.exp(log_returns)  # (H, Q)
    pairs = np.stack([log_returns, prices], axis=2).reshape(len(log_returns), -1)  # (H, 2 Q)
    # Plain numbers at once: value by value it takes longer than to write them.
    plain: Sequence[Sequence[Plain]] = pairs.tolist()
    if not np.isfinite(pairs).all():
        plain = [[to_plain(value) for value in values] for values in plain]
    for step, values in enumerate(plain):
        yield {
            **_NO_QUANTILES,
            "source": run.source,
            "ticker": forecast.ticker,
            "as_of": forecast.as_of,
            "target_session": forecast.target_sessions[step],
            "horizon": step + 1,
            "band": band,
            **dict(zip(columns, values, strict=True)),
        }


def _odds_rows(run: RunRecord, forecast: Forecast) -> Iterator[dict[str, object]]:
    odds = forecast.odds
    if odds is None:
        return
    parts: tuple[tuple[PathStatistic, tuple[float, ...], Floats], ...] = (
        ("touch", odds.moves, odds.touch),
        ("drawdown", odds.levels, odds.drawdown),
    )
    for statistic, levels, values in parts:
        for row, index in np.ndindex(values.shape):
            yield {
                "source": run.source,
                "ticker": forecast.ticker,
                "as_of": forecast.as_of,
                "horizon": odds.within[row],
                "statistic": statistic,
                "level": round(levels[index], 6),
                "value": values[row, index],
            }
