"""The daily job: prices in, forecast bands out."""

from typing import Any

from prefect.client.schemas.objects import State

from flows.prefect_runtime import parameters as form
from flows.prefect_runtime.definitions import define_flow
from flows.prefect_runtime.flow_support import open_flow_context
from flows.steps.missing_sessions import plan_sessions
from flows.steps.sessions import publish_plan
from forecasting.types import CatchUp, Retrain


@define_flow("daily")
def daily(
    tickers: form.Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: form.Source = "configured",
    csv_dir: str = "",
    as_of: form.Day | None = None,
    horizon: form.Horizon = 30,
    paths: form.Paths = 0,
    dropout_runs: form.DropoutRuns = 0,
    seed: form.Seed = 0,
    success_ratio: form.SuccessRatio = 0,
    train_tickers: form.Symbols = [],  # noqa: B006  # likewise
    retrain: Retrain = "auto",
    catch_up: CatchUp = "report",
    look_back: form.LookBack = 10,
    force: bool = False,
    reissue: bool = False,
) -> State[Any]:
    """Ingest prices, train where needed, forecast, publish and report.

    Args:
        tickers: Symbols to forecast, separated by commas or one per entry; @ and a watchlist's path on the
            worker, or @variable: and a Prefect Variable's name; none for the configured universe.
        source: Source of prices.
        csv_dir: Folder of TICKER.csv files on the worker, for the source csv.
        as_of: Session to forecast from; none for the last one closed when the run was due.
        horizon: Sessions ahead, 1 to 30.
        paths: Simulated paths a ticker, up to 1000 for each dropout run; 0 for the configured number.
        dropout_runs: Monte-Carlo-dropout runs, 2 to 1000; 0 for the configured number.
        seed: Seed of the random streams and of training; 0 for the configured one.
        success_ratio: Least share of tickers forecast, or nothing is published; 0 for the configured one.
        train_tickers: Symbols to train on, if a model is trained; none for the configured training universe.
        retrain: auto trains if no model serves or the champion is old.
        catch_up: What to do about earlier sessions without bands: nothing, report them, or fill them.
        look_back: How many sessions back to look for them, 1 to 60.
        force: Run although the session's bands are complete, or no exchange has traded.
        reissue: Force, and add an edition to live bands that now differ; the first edition stays.
    """
    universe = form.overrides(tickers=tickers, source=source, csv_dir=csv_dir, train_tickers=train_tickers)
    numbers = form.overrides(
        horizon=horizon, paths=paths, dropout_runs=dropout_runs, seed=seed, success_ratio=success_ratio
    )
    with open_flow_context(as_of, reissue=reissue, **universe, **numbers) as context:
        plan = plan_sessions(context, as_of, catch_up, sessions=look_back, force=force or reissue)
        return publish_plan(context, plan, retrain)
