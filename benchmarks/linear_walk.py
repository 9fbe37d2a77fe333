"""Walk of the linear part alone: the bands of a backtest in minutes where the network corrects nothing.

    python benchmarks/linear_walk.py --csv-dir prices --start 2012-01-03 --end 2019-12-31 --out walk.parquet

The functions of the daily run fit and forecast all sessions between two fits at once; calibration, rows and
scorecard are those of `bandcast backtest`. On fewer than 100 tickers its bands are the same as there.
`BANDCAST_EARNINGS=off` walks without dates. `--garch` adds GARCH(1,1)-t of each ticker beside them, with
parameters of the newest fit and a variance filtered up to each origin; it takes most of the time then.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from flows.backtest.options import fetch_universe
from flows.backtest.run import write_rows
from flows.presentation.backtest import build_backtest_sheets
from flows.presentation.tables import to_markdown
from flows.settings import Settings, load_settings
from flows.sources.registry import open_source
from forecasting.backtesting.calibrated import calibrate_walk
from forecasting.backtesting.rows import tabulate_walk
from forecasting.backtesting.schedule import Schedule, schedule_walk
from forecasting.backtesting.walk_forward import Issued
from forecasting.baselines.garch import fit_garch, simulate_garch
from forecasting.baselines.random_walk import forecast_random_walk
from forecasting.calendars.lookup import find_targets
from forecasting.config import (
    MAIN_HORIZONS,
    SCORE_LEVELS,
    BacktestConfig,
    LogHarConfig,
    SimulationConfig,
)
from forecasting.errors import GarchFitError, ShortHistoryError
from forecasting.evaluation.scorecard import build_scorecard
from forecasting.features.lookback import WARM_UP
from forecasting.features.market import build_lookbacks, classify_regime, compute_market_variance
from forecasting.features.registry import compute_features, select_features
from forecasting.features.reports import PRIOR_SIZE, pool_report_size
from forecasting.features.returns import DailyReturns
from forecasting.model.dataset import build_ticker_features
from forecasting.model.heads import bound_medians
from forecasting.model.log_har import LogHar, fit_log_har
from forecasting.types import Floats

LOOKBACK = 60  # sessions that a ticker needs after the warm-up, as for the network
CONFIG = SimulationConfig(levels=SCORE_LEVELS)
Origin = tuple[str, tuple[int, ...], dict[str, Floats]]  # regime, reports ahead, quantiles by method


def load(settings: Settings, end: date) -> Mapping[str, DailyReturns]:
    """Load the daily returns of every file of the folder, with the earnings dates beside them."""
    now = datetime.now(UTC)
    source = open_source(settings, now)
    tickers = settings.tickers or source.tickers()
    return fetch_universe(settings, source, tickers, end=end, now=now).returns


def fit(
    universe: Mapping[str, DailyReturns], market: pd.Series, session: date
) -> tuple[LogHar, tuple[str, ...], float]:
    """Fit the linear part on what was known at a session; return it with its features and the report size."""
    known = [returns.until(session) for returns in universe.values()]
    reports = [returns.reports for returns in known if returns.reports and returns.reports.dated.any()]
    size = pool_report_size(reports) if reports else PRIOR_SIZE
    names = select_features((), with_dates=bool(reports))
    until = market[: pd.Timestamp(session)]
    tickers = [
        build_ticker_features(returns, until, names, lookback=LOOKBACK, report_size=size)
        for returns in known
        if len(returns) >= WARM_UP + LOOKBACK
    ]
    return fit_log_har(tickers, names, LogHarConfig()), names, size


def fit_garches(universe: Mapping[str, DailyReturns], session: date) -> dict[str, Floats]:
    """Fit GARCH to each ticker on what was known at a session; those without a fit are left out."""
    fitted = {}
    for ticker, returns in universe.items():
        try:
            fitted[ticker] = fit_garch(returns.until(session))
        except (GarchFitError, ShortHistoryError) as error:
            print(f"{session}: {error}", file=sys.stderr, flush=True)
    return fitted


def add_garch(
    bands: Iterator[tuple[date, Origin]], returns: DailyReturns, garch: Floats | None
) -> Iterator[tuple[date, Origin]]:
    """Add the quantiles of GARCH to the bands of one ticker; the random walk's where it has no fit."""
    for day, (regime, reports, quantiles) in bands:
        own = quantiles["random_walk"] if garch is None else simulate_garch(garch, returns.until(day), CONFIG)
        yield day, (regime, reports, {**quantiles, "garch": own})


def forecast(
    linear: LogHar,
    returns: DailyReturns,
    market: pd.Series,
    *,
    names: Sequence[str],
    size: float,
    origins: Sequence[date],
) -> Iterator[tuple[date, Origin]]:
    """Yield the bands of one ticker from every origin of which it has a bar."""
    rows = {
        day: int(np.searchsorted(returns.session, np.datetime64(day, "D")))
        for day in origins
        if np.datetime64(day, "D") in returns.session
    }
    rows = {day: row for day, row in rows.items() if row >= WARM_UP + LOOKBACK - 1}
    if not rows:
        return
    first, last = min(rows.values()), max(rows.values())
    windows = build_lookbacks(returns, market, size)[first : last + 1]
    horizons = range(1, CONFIG.horizon + 1)
    log_scales = linear.log_scales(compute_features(windows, names), windows, horizons)
    scales = windows.volatility[:, None] * np.exp(log_scales) * np.sqrt(horizons)
    shape = linear.shape(horizons, CONFIG.levels)
    for day, row in rows.items():
        own = windows[row - first]
        quantiles = {
            "predictive": bound_medians(scales[row - first, :, None] * shape, CONFIG),
            "random_walk": forecast_random_walk(own, CONFIG),
        }
        counts = returns.until(day).count_reports(CONFIG.horizon) or (0,) * CONFIG.horizon
        yield day, (classify_regime(own.market), counts, quantiles)


def walk(
    universe: Mapping[str, DailyReturns],
    schedule: Schedule,
    *,
    horizons: tuple[int, ...] = MAIN_HORIZONS,
    garch: bool = False,
) -> Iterator[Issued]:
    """Yield what every origin would have issued, fit by fit."""
    market = compute_market_variance(universe.values())
    for session in schedule.fits:
        origins = [day for day in schedule.origins if schedule.find_fit(day) == session]
        linear, names, size = fit(universe, market, session)
        garches = fit_garches(universe, session) if garch else {}
        issued: dict[date, dict[str, Origin]] = {day: {} for day in origins}
        for ticker, returns in universe.items():
            bands = forecast(linear, returns, market, names=names, size=size, origins=origins)
            if garch:
                bands = add_garch(bands, returns, garches.get(ticker))
            for day, own in bands:
                issued[day][ticker] = own
        yield from (stack(day, own, horizons) for day, own in issued.items())
        print(f"fitted at {session}", file=sys.stderr, flush=True)


def stack(day: date, own: Mapping[str, Origin], horizons: tuple[int, ...]) -> Issued:
    """Stack the bands of every ticker from one origin."""
    regimes, reports, quantiles = zip(*own.values(), strict=True)
    kept = [h - 1 for h in horizons]
    targets = [find_targets(ticker, day, CONFIG.horizon) for ticker in own]
    return Issued(
        origin=day,
        horizons=horizons,
        levels=CONFIG.levels,
        tickers=tuple(own),
        regimes=regimes,
        targets=tuple(tuple(sessions[step] for step in kept) for sessions in targets),
        quantiles={name: np.stack([each[name][kept] for each in quantiles]) for name in quantiles[0]},
        remarks=(),
        reports_ahead=tuple(tuple(counts[step] for step in kept) for counts in reports),
    )


def main(arguments: Sequence[str]) -> None:
    """Read the options, walk, write the rows and print the scorecard."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--csv-dir", type=Path, required=True, help="folder of TICKER.csv files")
    parser.add_argument("--out", type=Path, required=True, help="rows, as of bandcast backtest")
    parser.add_argument("--start", type=date.fromisoformat, default=date(2012, 1, 3), help="first origin")
    parser.add_argument("--end", type=date.fromisoformat, default=date(2019, 12, 31), help="last origin")
    parser.add_argument("--every", type=int, default=5, help="sessions between origins")
    parser.add_argument("--retrain-every", type=int, default=252, help="sessions between fits")
    parser.add_argument("--warm-up", type=int, default=756, help="sessions before the first origin")
    parser.add_argument("--garch", action="store_true", help="forecast by GARCH, too (the extra garch)")
    options = parser.parse_args(arguments)
    settings = load_settings(source="csv", csv_dir=options.csv_dir)
    universe = load(settings, options.end)
    config = BacktestConfig(
        start=options.start,
        end=options.end,
        every=options.every,
        retrain_every=options.retrain_every,
        warm_up_sessions=options.warm_up,
    )
    market = compute_market_variance(universe.values())
    schedule = schedule_walk(pd.DatetimeIndex(market.index), config)
    issued = list(walk(universe, schedule, garch=options.garch))
    calibrated = [origin for origin, _ in calibrate_walk(issued, universe, settings.calibration)]
    rows = tabulate_walk(calibrated[len(schedule.warm_up) :], universe)
    write_rows(rows, options.out)
    for sheet in build_backtest_sheets(build_scorecard(rows, options.every)):
        print(f"**{sheet.title}**\n\n{to_markdown(sheet)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
