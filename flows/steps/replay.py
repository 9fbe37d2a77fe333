"""Make a past run again from the store, and compare its rows to the last bit."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from db.engine import reading
from db.records import RunRecord
from db.repositories.calibrations import CalibrationRepository
from db.repositories.forecasts import ForecastRepository
from db.repositories.prices import PriceRepository
from flows.context import Job, store
from flows.forecast import Rung, market_for, rung_of
from flows.settings import Settings
from flows.summary import Replay
from forecasting.calendars.sessions import calendar_name, next_sessions
from forecasting.calibration import Calibration
from forecasting.config import SimulationConfig
from forecasting.errors import BandcastError, StoreError, UsageError
from forecasting.pipeline import require_fresh
from forecasting.prices.history import PriceHistory


@dataclass
class _Store:
    """Source of a replay, which reads nothing but the store."""

    name: str
    live: bool = False

    def tickers(self) -> tuple[str, ...]:
        return ()

    def last_session(self, tickers: tuple[str, ...]) -> date:
        del tickers
        return date.max

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        raise UsageError(f"Expected {ticker} from the store, found a request from {start} to {end}.")


def replay_run(settings: Settings, run_id: str) -> Replay:
    """Make a run's forecasts again from stored prices, model and calibration, and compare every row.

    Raises:
        UsageError: There is no such run.
    """
    with reading(store(settings.url)) as connection:
        run = ForecastRepository(connection).run(run_id)
        made = ForecastRepository(connection).of_run(run_id)
    if run is None:
        raise UsageError(f"Expected a stored run {run_id}, found none; `forecast_runs` lists them.")
    job = _job(settings, run, tuple(ticker for ticker, _ in made))
    verdicts = _verdicts(job, run, made) if made else {}
    same = tuple(ticker for ticker, reason in verdicts.items() if reason is None)
    different = {ticker: reason for ticker, reason in verdicts.items() if reason is not None}
    return Replay(run_id, same, different, replaced=not made)


def _job(settings: Settings, run: RunRecord, tickers: tuple[str, ...]) -> Job:
    simulation = SimulationConfig.model_validate_json(run.settings)
    then = settings.model_copy(update={"simulation": simulation})
    return Job(then, _Store(run.source), tickers, datetime.combine(run.as_of, time.max, UTC), run.as_of)


def _verdicts(job: Job, run: RunRecord, made: list[tuple[str, date]]) -> dict[str, str | None]:
    """Ticker -> None where every row is the same, else why not."""
    try:
        market = market_for(job, run.model_version)
        rung = rung_of(job, run.model_version, market, _calibration(job, run))
    except BandcastError as error:
        return dict.fromkeys((ticker for ticker, _ in made), str(error))
    return {ticker: _verdict(job, run, rung, (ticker, as_of)) for ticker, as_of in made}


def _calibration(job: Job, run: RunRecord) -> Calibration:
    if run.calibration_id is None:
        return Calibration.none()
    with reading(store(job.settings.url)) as connection:
        state = CalibrationRepository(connection).get(run.calibration_id)
    if state is None:
        raise StoreError(f"Expected calibration {run.calibration_id} in the store, found none; restore it.")
    return Calibration.from_json(state.state)


def _verdict(job: Job, run: RunRecord, rung: Rung, forecast: tuple[str, date]) -> str | None:
    ticker, as_of = forecast
    with reading(store(job.settings.url)) as connection:
        history = PriceRepository(connection, run.source).load(ticker, as_of)
        repository = ForecastRepository(connection)
        try:
            targets = next_sessions(calendar_name(ticker), as_of, job.settings.simulation.horizon)
            again = rung(require_fresh(history, as_of), targets)
        except BandcastError as error:
            return str(error)
        issued = replace(
            again, quality=repository.quality(ticker, as_of)
        )  # the champion of then may be retired
        return None if repository.holds(run, issued) else "other values than stored"
