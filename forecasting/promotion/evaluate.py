"""A candidate's trial: fitted without the newest sessions, then walked over them beside the champion."""

from collections.abc import Sequence
from datetime import date

from forecasting.backtesting.walk import walk_forward
from forecasting.config import SimulationConfig
from forecasting.errors import GateError
from forecasting.model.artifact import Model
from forecasting.pipeline import market_of
from forecasting.prices.history import PriceHistory
from forecasting.promotion.decision import Decision, GateConfig, compare
from forecasting.types import PriceBasis

PURGE_SESSIONS = 5  # between the last session that training saw and the first origin
LEVELS = tuple(round(step / 20, 2) for step in range(1, 20))
RUNS, PATHS = 20, 20  # of each forecast: enough for a mean over hundreds


def last_fitted(
    histories: Sequence[PriceHistory], as_of: date, basis: PriceBasis, config: GateConfig
) -> date:
    """The last session that a candidate may see, so that the gate has sessions left.

    Raises:
        GateError: There are no more sessions than the gate holds out.
    """
    sessions = _sessions(histories, as_of, basis)
    if len(sessions) <= config.sessions:
        raise GateError(found=len(sessions), needed=config.sessions + 1)
    return sessions[-config.sessions - 1]


def trial(
    models: tuple[Model, Model | None],
    histories: Sequence[PriceHistory],
    config: GateConfig,
    simulation: SimulationConfig,
    *,
    renewal: bool = False,
) -> Decision:
    """Walk candidate and champion over the sessions that neither has seen, and decide.

    Args:
        models: The candidate, and the champion where there is one.
        histories: Prices up to the session of the decision, both reference universes among them.
        config: What is held out, and what it must show.
        simulation: The seed and the largest numbers of paths.
        renewal: The champion is old, and the candidate has seen later sessions.

    Raises:
        GateError: Too few sessions that neither has seen.
    """
    candidate, champion = models
    seen = max(one.manifest.trained_through for one in models if one is not None)
    as_of = max(history.last_session for history in histories)
    sessions = _sessions(histories, as_of, candidate.manifest.config.price_basis)
    origins = [session for session in sessions if session > seen][PURGE_SESSIONS - 1 : -1 : config.every]
    paths = _for_walk(config, simulation)
    mine = walk_forward(candidate, histories, origins, paths)
    theirs = None if champion is None else walk_forward(champion, histories, origins, paths)
    return compare(mine, theirs, config, renewal=renewal)


def _sessions(histories: Sequence[PriceHistory], as_of: date, basis: PriceBasis) -> list[date]:
    """The market's: on a Saturday it is not its one cryptocurrency."""
    return [session.date() for session in market_of(histories, as_of, basis).index]


def _for_walk(config: GateConfig, simulation: SimulationConfig) -> SimulationConfig:
    changes = {
        "horizon": max(config.horizons),
        "levels": LEVELS,
        "dropout_runs": min(simulation.dropout_runs, RUNS),
        "noise_paths": min(simulation.noise_paths, PATHS),
    }
    return simulation.model_copy(update=changes)
