"""Replay: repeat a past run from the store, and compare every row to the last bit."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from db import RunRecord, Store
from flows.context import load_calendars, load_earnings
from flows.steps.forecast import build_forecaster
from flows.steps.returns import load_ticker
from flows.summary import Replay
from forecasting.calendars.reports import KNOWN_AHEAD, EarningsDates
from forecasting.calibration import Calibration
from forecasting.config import SimulationConfig
from forecasting.errors import BandcastError, StoreError, UsageError
from forecasting.pipeline import Forecaster, forecast_ticker


def replay_run(
    store: Store,
    run_id: str,
    symbols: Mapping[str, str] = MappingProxyType({}),
    *,
    known_ahead: int = KNOWN_AHEAD,
) -> Replay:
    """Repeat a run's forecasts from stored prices, model and calibration.

    Args:
        store: Of any source; that of the run is used.
        run_id: The run.
        symbols: Calendars of symbols that are set.
        known_ahead: Sessions before a report from which its date counts, as set.

    Raises:
        UsageError: There is no such run.
    """
    with store.reading() as tx:
        run = tx.forecasts.load_run(run_id)
        made = tx.forecasts.list_run_forecasts(run_id)
        versions = tx.forecasts.load_run_models(run_id)
    if run is None:
        raise UsageError(f"Expected a stored run {run_id}, found none; `forecast_runs` lists them.")
    verdicts: dict[str, str] = {}
    for version in dict.fromkeys(versions.values()):  # a lower rung may have served some tickers
        of_version = {ticker: as_of for ticker, as_of in made if versions[ticker] == version}
        verdicts |= _replay_tickers(
            store.for_source(run.source),
            run,
            of_version,
            version=version,
            made=dict(made),
            symbols=symbols,
            known_ahead=known_ahead,
        )
    verdicts = {ticker: verdicts[ticker] for ticker, _ in made}
    return Replay(
        run_id,
        same=tuple(ticker for ticker, reason in verdicts.items() if not reason),
        different={ticker: reason for ticker, reason in verdicts.items() if reason},
        replaced=not made,
    )


def _replay_tickers(
    store: Store,
    run: RunRecord,
    of_version: dict[str, date],
    *,
    version: str,
    made: dict[str, date],
    symbols: Mapping[str, str],
    known_ahead: int,
) -> dict[str, str]:
    """Return ticker -> why it differs, empty where every row is the same, of those that a version made."""
    try:
        forecaster = build_forecaster(
            store,
            version,
            run.as_of,
            simulation=SimulationConfig.model_validate_json(run.settings),
            calibration=_load_calibration(store, run),
            basis=run.price_basis,
            tickers=(*made, *json.loads(run.quarantined)),
            calendars=load_calendars(store, symbols, run.issued_at),
        )
    except BandcastError as error:
        return dict.fromkeys(of_version, str(error))
    dates = load_earnings(store, tuple(of_version), known_ahead, now=run.issued_at)
    return {
        ticker: _compare(store, run, forecaster, ticker=ticker, as_of=as_of, dates=dates[ticker])
        for ticker, as_of in of_version.items()
    }


def _load_calibration(store: Store, run: RunRecord) -> Calibration:
    if run.calibration_id is None:
        return Calibration.none()
    with store.reading() as tx:
        record = tx.calibrations.get(run.calibration_id)
    if record is None:
        raise StoreError(f"Expected calibration {run.calibration_id} in the store, found none; restore it.")
    return Calibration.from_json(record.state)


def _compare(
    store: Store,
    run: RunRecord,
    forecaster: Forecaster,
    *,
    ticker: str,
    as_of: date,
    dates: EarningsDates,
) -> str:
    try:
        calendars = forecaster.calendars
        returns = load_ticker(store, ticker, as_of, basis=run.price_basis, dates=dates, calendars=calendars)
        forecast = forecast_ticker(forecaster, returns, as_of)
    except BandcastError as error:
        return str(error)
    with store.reading() as tx:
        # The champion of then may be retired now.
        issued = replace(forecast, quality=tx.forecasts.load_quality(ticker, as_of, run.run_id))
        return "" if tx.forecasts.matches(run, issued) else "other values than stored"
