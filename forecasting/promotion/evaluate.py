"""Evaluate a challenger: fitted without the newest sessions, then walked over them beside the champion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from forecasting.backtesting.rows import tabulate_walk
from forecasting.backtesting.walk_forward import (
    IN_TURN,
    Execution,
    Issued,
    Methods,
    list_left_out,
    walk_forward,
)
from forecasting.calendars.lookup import STANDARD, Calendars
from forecasting.config import SCORE_LEVELS, PromotionConfig, SimulationConfig
from forecasting.errors import PromotionError
from forecasting.evaluation.panel import REFERENCE, build_panel
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.model.artifact import Model
from forecasting.pipeline import Forecaster
from forecasting.promotion.decision import Decision, decide_promotion
from forecasting.sampling import draw_sample
from forecasting.types import Floats


@dataclass(frozen=True)
class Evaluation:
    """A promotion test with what could not take part in it.

    Attributes:
        decision: Its result.
        left_out: Ticker that no origin could forecast -> the newest reason.
    """

    decision: Decision
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class Trial:
    """How the models of a promotion test forecast.

    Attributes:
        simulation: The seed and the largest number of dropout runs.
        tickers: Those that are compared on before others of the universe.
        calendars: Give the sessions that are forecast.
        execution: How the origins are forecast; the progress counts those of both models.
    """

    simulation: SimulationConfig
    tickers: Sequence[str] = ()
    calendars: Calendars = STANDARD
    execution: Execution = IN_TURN


def find_last_fitted(universe: Sequence[DailyReturns], as_of: date, config: PromotionConfig) -> date:
    """Return the last session that a challenger may be fitted on, so that sessions are left to test it on.

    Raises:
        PromotionError: There are no more sessions than are held out.
    """
    sessions = _list_sessions([returns.until(as_of) for returns in universe])
    if len(sessions) <= config.sessions:
        raise PromotionError(found=len(sessions), needed=config.sessions + 1)
    return sessions[-config.sessions - 1]


def evaluate_challenger(
    challenger: Model,
    champion: Model | None,
    universe: Mapping[str, DailyReturns],
    *,
    trial: Trial,
    config: PromotionConfig,
    renewal: bool = False,
    champion_universe: Mapping[str, DailyReturns] | None = None,
) -> Evaluation:
    """Walk challenger and champion over the sessions that neither has seen, and decide.

    Args:
        challenger: The new model.
        champion: The model that serves, where there is one.
        universe: Daily returns up to the session of the decision on the challenger's price basis, both
            reference universes among them.
        trial: How both forecast.
        config: Sessions held out, tickers compared on, and the result that promotes.
        renewal: The champion is old, and the challenger has seen later sessions.
        champion_universe: The same on the champion's price basis, where that is another.

    Raises:
        PromotionError: Too few sessions that neither has seen.
    """
    universes = {"challenger": universe, "champion": champion_universe or universe}
    models = {"challenger": challenger} | ({} if champion is None else {"champion": champion})
    seen = max(model.manifest.trained_through for model in models.values())
    unseen = [session for session in _list_sessions(list(universe.values())) if session > seen]
    origins = unseen[config.purge_sessions - 1 : -1 : config.every]
    tickers = choose_tested(trial.tickers, list(universe), config)
    walks = {}
    for number, (name, model) in enumerate(models.items()):
        before, total = number * len(origins), len(models) * len(origins)
        walk = replace(trial, tickers=tickers, execution=_count_on(trial.execution, before, total))
        walks[name] = _walk(model, universes[name], origins, trial=walk, config=config)
    crps = _score(walks, universes)
    decision = decide_promotion(
        crps["challenger"], crps.get("champion"), crps[REFERENCE], config=config, renewal=renewal
    )
    return Evaluation(decision, list_left_out([origin for walk in walks.values() for origin in walk]))


def choose_tested(first: Sequence[str], others: Sequence[str], config: PromotionConfig) -> list[str]:
    """Choose the tickers of a promotion test: those that are forecast, then some of the others.

    Args:
        first: Tickers that are forecast.
        others: Of the training universe, those among them or not.
        config: How many, and the seed.
    """
    chosen = draw_sample(first, config.tickers, seed=config.seed)
    rest = [ticker for ticker in others if ticker not in set(first)]
    return [*chosen, *draw_sample(rest, config.tickers - len(chosen), seed=config.seed)]


def _count_on(execution: Execution, before: int, total: int) -> Execution:
    """Return the execution of one of several walks, of which so many origins are done before."""
    return replace(execution, on_progress=lambda done, _origins: execution.on_progress(before + done, total))


def _list_sessions(universe: Sequence[DailyReturns]) -> list[date]:
    """Return the market's sessions: on a Saturday it is not its one cryptocurrency."""
    return [session.date() for session in compute_market_variance(universe).index]


def _walk(
    model: Model,
    universe: Mapping[str, DailyReturns],
    origins: Sequence[date],
    *,
    trial: Trial,
    config: PromotionConfig,
) -> list[Issued]:
    reference = [universe[ticker] for ticker in model.manifest.reference if ticker in universe]
    rough = trial.simulation.at_most(config.dropout_runs).model_copy(
        update={"horizon": max(config.horizons), "levels": SCORE_LEVELS}
    )
    forecaster = Forecaster(model, compute_market_variance(reference), rough, calendars=trial.calendars)
    methods = Methods(forecaster, (REFERENCE,), config.horizons)
    return list(walk_forward(methods, universe, trial.tickers, origins=origins, execution=trial.execution))


def _score(
    walks: Mapping[str, Sequence[Issued]], universes: Mapping[str, Mapping[str, DailyReturns]]
) -> dict[str, Floats]:
    """Return (D, N, H) CRPS of each model's predictive bands, which no calibration has touched.

    Raises:
        PromotionError: The challenger could forecast no ticker from any origin.
    """
    parts = []
    for name, walk in walks.items():
        rows = tabulate_walk(walk, universes[name])
        kept = ["predictive", REFERENCE] if name == "challenger" else ["predictive"]
        rows = rows[rows["method"].isin(kept)].astype({"ticker": str, "method": str})
        parts.append(rows.replace({"method": {"predictive": name}}))
    frame = pd.concat(parts)
    if not (frame["method"] == "challenger").any():
        raise PromotionError(found=0, needed=1)
    panel = build_panel(frame)
    return {method: panel.score(method).crps for method in panel.methods}
