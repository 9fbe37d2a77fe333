"""Conversion of a forecast to rows of its tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import repeat

import numpy as np

from db.bulk import Batch, Rows
from db.records import RunRecord, TickerSession
from db.schema.base import FORECAST_ROW
from db.schema.odds import DRAWDOWNS, TOUCHES
from db.schema.quantiles import COMPARISON_BANDS, LOG_RETURNS, PRICES, SERVED_BAND
from db.sql import Plain, Row, to_plain
from forecasting.config import BAND_LEVELS, CALIBRATED_LEVELS
from forecasting.forecast import Forecast
from forecasting.types import Band, RunKind

_METADATA = ("issued_at", "run_id", "edition")  # of a row: how it was published, not what it forecasts
_CALIBRATED = tuple(name for level in CALIBRATED_LEVELS for name in (LOG_RETURNS[level], PRICES[level]))
_COMPARED = tuple(name for level in BAND_LEVELS for name in (LOG_RETURNS[level], PRICES[level]))
_TAIL = LOG_RETURNS[CALIBRATED_LEVELS[0]]
_ODDS_ROW = ("source", "ticker", "as_of", "horizon", *TOUCHES.values(), *DRAWDOWNS.values())
Values = set[frozenset[tuple[str, object]]]


@dataclass(frozen=True)
class ForecastRows:
    """One forecast as rows.

    Attributes:
        ticker: The symbol.
        as_of: The session forecast from.
        horizons: Rows of table `forecasts`, one per horizon.
        calibrated: Rows of table `calibrated_quantiles`, one per horizon.
        comparisons: Rows of table `comparison_quantiles`, one per horizon and band.
        odds: Rows of table `forecast_odds`, one per horizon that they span.
    """

    ticker: str
    as_of: date
    horizons: Rows
    calibrated: Rows
    comparisons: Rows
    odds: Rows

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

    @property
    def has_live(self) -> bool:
        """Return whether live bands of this very run are stored, as where a reissue has its inputs."""
        return any((issue.run_id, issue.kind) == (self.run.run_id, "live") for issue in self.stored.values())


def build_rows(run: RunRecord, forecast: Forecast) -> ForecastRows:
    """Convert a forecast of a run to rows.

    Raises:
        StoreError: A value is infinite.
    """
    calibrated = list(_quantile_rows(run, forecast, SERVED_BAND, levels=CALIBRATED_LEVELS))
    compared = [
        (*row[: len(FORECAST_ROW)], band, *row[len(FORECAST_ROW) :])
        for band in COMPARISON_BANDS
        if band in forecast.log_returns
        for row in _quantile_rows(run, forecast, band, levels=BAND_LEVELS)
    ]
    return ForecastRows(
        forecast.ticker,
        forecast.as_of,
        _horizon_rows(run, forecast),
        Rows((*FORECAST_ROW, *_CALIBRATED), calibrated),
        Rows((*FORECAST_ROW, "band", *_COMPARED), compared),
        Rows(_ODDS_ROW, list(_odds_rows(run, forecast))),
    )


def collect_values(rows: Iterable[Mapping[str, object]]) -> Values:
    """Collect rows without order and publication metadata, to compare them with others."""
    return {frozenset(item for item in row.items() if item[0] not in _METADATA) for row in rows}


def keep_stored_levels(calibrated: Iterable[Row], stored: Iterable[Row]) -> list[Row]:
    """Leave out the levels of calibrated bands that earlier releases did not store.

    Args:
        calibrated: Of a forecast that is compared with the stored one.
        stored: Rows that are stored of it.
    """
    known = {row["target_session"]: row for row in stored}
    pairs = ((row, known.get(row["target_session"])) for row in calibrated)
    return [row if other is None or other[_TAIL] is not None else _keep(row, other) for row, other in pairs]


def keep_stored_bands(comparisons: Iterable[Row], stored: Iterable[Row]) -> list[Row]:
    """Leave out comparison bands that were pruned, and levels that earlier releases did not store.

    Args:
        comparisons: Of a forecast that is compared with the stored one.
        stored: Rows that are stored of it.
    """
    known = {(row["band"], row["target_session"]): row for row in stored}
    pairs = ((row, known.get((row["band"], row["target_session"]))) for row in comparisons)
    return [_keep(row, other) for row, other in pairs if other is not None]


def _keep(row: Row, other: Row) -> Row:
    """Return a row of quantiles with those alone that another one has."""
    return {name: None if other[name] is None else value for name, value in row.items()}


def _horizon_rows(run: RunRecord, forecast: Forecast) -> Rows:
    common: dict[str, object] = {
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
    columns: dict[str, Iterable[object]] = {
        "target_session": forecast.target_sessions,
        "horizon": range(1, forecast.horizon + 1),
        "lower": forecast.price_at(SERVED_BAND, forecast.levels[0]),
        "median": forecast.price_at(SERVED_BAND, 0.5),
        "upper": forecast.price_at(SERVED_BAND, forecast.levels[-1]),
        "model_variance": forecast.model_variance,
        "noise_variance": forecast.noise_variance,
        "outcomes": forecast.n_outcomes,
        "reports_ahead": forecast.reports_ahead or repeat(None, forecast.horizon),
    }
    shared = tuple(to_plain(value) for value in common.values())
    values = zip(*(_list_plain(column) for column in columns.values()), strict=True)
    return Rows((*common, *columns), [shared + row for row in values])


def _quantile_rows(
    run: RunRecord, forecast: Forecast, band: Band, *, levels: Sequence[float]
) -> Iterator[tuple[Plain, ...]]:
    """Yield a row for each horizon: its key, then log return and price at each level; None where unknown."""
    made, log_returns = forecast.get_quantiles(band)  # (Q,), (H, Q)
    prices = forecast.anchor_close * np.exp(log_returns)  # (H, Q)
    values_at = zip(log_returns.T, prices.T, strict=True)
    known = {round(level, 6): values for level, values in zip(made, values_at, strict=True)}
    nothing: list[Plain] = [None] * forecast.horizon
    columns = [
        column
        for level in levels
        for column in (map(_list_plain, known[level]) if level in known else (nothing, nothing))
    ]
    shared = (run.source, forecast.ticker, forecast.as_of)
    for values in zip(forecast.target_sessions, *columns, strict=True):
        yield shared + values


def _odds_rows(run: RunRecord, forecast: Forecast) -> Iterator[tuple[Plain, ...]]:
    odds = forecast.odds
    if odds is None:
        return
    shared = (run.source, forecast.ticker, forecast.as_of)
    for within, touch, drawdown in zip(odds.within, odds.touch, odds.drawdown, strict=True):
        touches = dict(zip(odds.moves, map(to_plain, touch), strict=True))
        drawdowns = dict(zip(odds.levels, map(to_plain, drawdown), strict=True))
        yield (*shared, within, *map(touches.get, TOUCHES), *map(drawdowns.get, DRAWDOWNS))


def _list_plain(column: Iterable[object]) -> list[Plain]:
    """List the values of a column in plain Python; finite numbers of an array at once."""
    if isinstance(column, np.ndarray) and np.isfinite(column).all():
        plain: list[Plain] = column.tolist()
        return plain
    return [to_plain(value) for value in column]
