"""A forecast as rows, and back the question whether stored rows say the same."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from db.records import RunRecord
from db.sql import Row, plain_rows
from forecasting.forecast import Forecast

SERVED_BAND = "calibrated"


def forecast_rows(run: RunRecord, forecast: Forecast) -> list[Row]:
    """Rows of table `forecasts`, one a horizon."""
    common = {
        "ticker": forecast.ticker,
        "as_of": forecast.as_of,
        "anchor_close": forecast.anchor_close,
        "coverage": forecast.coverage,
        "quality": forecast.quality,
        "regime": forecast.regime,
        "model_version": run.model_version,
        "issued_at": run.issued_at,
        "run_id": run.run_id,
    }
    columns: Mapping[str, Sequence[float] | np.ndarray] = {
        "lower": forecast.column(SERVED_BAND, forecast.levels[0]),
        "median": forecast.column(SERVED_BAND, 0.5),
        "upper": forecast.column(SERVED_BAND, forecast.levels[-1]),
        "model_variance": forecast.model_variance,
        "noise_variance": forecast.noise_variance,
        "outcomes": forecast.outcomes,
    }
    return plain_rows(
        {**common, "target_session": session, "horizon": step + 1, **_at(columns, step)}
        for step, session in enumerate(forecast.target_sessions)
    )


def quantile_rows(forecast: Forecast) -> list[Row]:
    """Rows of table `forecast_quantiles`, one a horizon, band and level."""
    return plain_rows(row for band in forecast.log_returns for row in _band_rows(forecast, band))


def _band_rows(forecast: Forecast, band: str) -> Iterator[dict[str, object]]:
    log_returns, prices = forecast.log_returns[band], forecast.prices(band)  # (H, Q)
    for step, place in np.ndindex(log_returns.shape):
        yield {
            "ticker": forecast.ticker,
            "as_of": forecast.as_of,
            "target_session": forecast.target_sessions[step],
            "horizon": step + 1,
            "band": band,
            "level": round(forecast.levels[place], 6),
            "log_return": log_returns[step, place],
            "price": prices[step, place],
        }


def _at(columns: Mapping[str, Sequence[float] | np.ndarray], step: int) -> dict[str, object]:
    return {name: column[step] for name, column in columns.items()}
