"""How the bands have done: coverage and scores of what has closed, for people and programs."""

import json
from datetime import date
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from db.engine import reading
from db.repositories.models import ModelRepository
from db.repositories.outcomes import Dimension, VerificationRepository
from flows.context import store
from flows.reporting.bands import HORIZONS
from flows.reporting.printing import elsewhere
from flows.settings import Settings
from flows.steps.verify import score_closed

DIMENSIONS: tuple[Dimension, ...] = ("horizon", "ticker", "regime")
METHODS = ("calibrated", "predictive", "mc_dropout", "random_walk")


def verify_store(settings: Settings) -> dict[str, Any]:
    """Score what has closed, and sum up: how many bands, and the scorecards of issued and of walked bands."""
    scored = score_closed(settings, settings.source, date.max)
    return {"source": settings.source, "scored": scored, **scorecards(settings)}


def scorecards(settings: Settings) -> dict[str, Any]:
    """Rows behind each kind of band, and `issued` and `walked` scorecards by dimension."""
    with reading(store(settings.url)) as connection:
        repository = VerificationRepository(connection, settings.source)
        issued = {by: repository.scorecard(by, settings.tickers) for by in DIMENSIONS}
        models = ModelRepository(connection).list()
        walked = {"horizon": repository.scorecard("horizon", settings.tickers, ("walk_forward",))}
        return {
            "outcomes": repository.counts(),
            "issued": issued,
            "walked": walked,
            "sources": sorted({one.source for one in models if one.status != "baseline"}),
        }


def by_horizon(settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scorecards of issued and of walked bands at the main horizons."""
    with reading(store(settings.url)) as connection:
        repository = VerificationRepository(connection, settings.source)
        issued = repository.scorecard("horizon", settings.tickers, horizons=HORIZONS)
        walked = repository.scorecard("horizon", settings.tickers, ("walk_forward",), HORIZONS)
    return issued, walked


def scorecards_json(found: dict[str, Any]) -> str:
    """The scorecards as one JSON object; every table is a list of rows."""
    tables = {
        part: {by: json.loads(frame.to_json(orient="records")) for by, frame in found[part].items()}
        for part in ("issued", "walked")
    }
    return json.dumps({**found, **tables}, indent=2)


def print_scorecards(found: dict[str, Any]) -> None:
    """Tables on standard output: first what was issued, then what was only walked over history."""
    console = Console(width=110, soft_wrap=True, highlight=False)
    counts = found["outcomes"]
    issued = sum(count for kind, count in counts.items() if kind != "walk_forward")
    console.print(f"Scored {found['scored']} bands now; {issued} issued bands have closed.")
    if hint := elsewhere("bands", found["sources"], found["source"]):
        console.print(hint)
    for by in DIMENSIONS if issued else ():
        console.print(_table(f"Issued bands by {by}", found["issued"][by]))
    if "walk_forward" in counts:
        title = "Walked over history before the first was issued, by horizon"
        console.print(_table(title, found["walked"]["horizon"]))


def _table(title: str, scores: pd.DataFrame) -> Table:
    """One row a value, with the coverage of each method and its scores in units of the random walk's."""
    table = Table(title=title, title_justify="left")
    by = scores.columns[1]
    heads = (
        "h" if by == "horizon" else by,
        "closed",
        *(f"{_short(one)} inside" for one in METHODS),
        "below",
        "above",
    )
    for name in (*heads, *(f"{_short(one)} CRPS" for one in METHODS[:3]), "cal. Winkler"):
        table.add_column(name, justify="left" if name == heads[0] else "right")
    shown = scores[scores[by].isin(HORIZONS)] if by == "horizon" else scores
    for value, rows in shown.groupby(by, dropna=False):
        table.add_row(str(value), *_cells(rows.set_index("method").reindex(list(METHODS))))
    return table


def _cells(rows: pd.DataFrame) -> list[str]:
    mine, floor = rows.loc["calibrated"], rows.loc["random_walk"]
    shares = [*rows["inside"], mine["below"], mine["above"]]
    ratios = [*rows["crps_to_random_walk"].iloc[:3], mine["winkler"] / floor["winkler"]]
    count = "" if pd.isna(mine["outcomes"]) else str(int(mine["outcomes"]))
    percent = [f"{share:.1%}" if pd.notna(share) else "" for share in shares]
    return [count, *percent, *(f"{ratio:.3f}" if pd.notna(ratio) else "" for ratio in ratios)]


def _short(method: str) -> str:
    return {"calibrated": "cal.", "predictive": "pred.", "mc_dropout": "raw MC", "random_walk": "RW"}[method]
