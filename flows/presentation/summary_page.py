"""The page of a run in the Prefect UI: what it did, on one screen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from db import CalibrationRecord, ModelRecord
from flows.presentation.artifacts import describe_calibration
from flows.presentation.tables import Column, Sheet, escape_markdown, sheet_from_frame, to_markdown
from flows.summary import RunSummary
from forecasting.config import MAIN_HORIZONS
from forecasting.text import format_count, format_price

EXTREMES = 3
WIDTH_HORIZON = MAIN_HORIZONS[1]
_WIDTH_COLUMNS = (
    Column("ticker", "ticker"),
    Column("horizon", "ahead", "right"),
    Column("anchor_close", "close", "right", format_price),
    Column("lower", "lower", "right", format_price),
    Column("upper", "upper", "right", format_price),
    Column("width", "width", "right", ".1%"),
    Column("change", "against the session before", "right", "+.1%"),
)


@dataclass(frozen=True)
class RunPage:
    """Contents of the page.

    Attributes:
        summary: Result of the run.
        bands: Its bands, in columns of `latest_forecast`.
        before: Those of the session before; empty without any.
        model: That made them; None where nothing was made.
        calibration: That the bands have; None before the first.
        coverage: Scores of the last month by horizon, in columns of `HorizonScores.issued`.
        artifacts: Keys of the run's other artifacts, without the fan charts.
    """

    summary: RunSummary
    bands: pd.DataFrame
    before: pd.DataFrame
    model: ModelRecord | None
    calibration: CalibrationRecord | None
    coverage: pd.DataFrame
    artifacts: tuple[str, ...]


def describe_run(summary: RunSummary, model: ModelRecord | None) -> str:
    """Describe a run in the sentence that its state shows."""
    made = (
        f"bands of {format_count(len(summary.tickers), 'ticker')}"
        if summary.run_id
        else "bands were complete"
    )
    parts = [f"{summary.as_of}: {made}"]
    if summary.quarantined:
        parts.append(f"{len(summary.quarantined)} quarantined")
    if summary.filled:
        parts.append(f"{format_count(len(summary.filled), 'earlier session')} filled")
    if summary.run_id:
        parts.append(describe_model(model, summary.as_of))
    return f"{', '.join(parts)}."


def describe_model(model: ModelRecord | None, as_of: date) -> str:
    """Describe the model that serves and its age in days, as `BANDCAST_MAX_MODEL_AGE_DAYS` counts it."""
    if model is None or model.status == "baseline":
        return "the random walk's cone"
    last_seen = model.evaluated_through or model.trained_through
    return f"model {model.version}, {format_count((as_of - last_seen).days, 'day')} old"


def format_page(page: RunPage) -> str:
    """Format the page as Markdown."""
    return "\n\n".join(_list_parts(page))


def _list_parts(page: RunPage) -> Iterator[str]:
    summary = page.summary
    yield f"# {summary.as_of}"
    yield escape_markdown(describe_run(summary, page.model))
    yield f"Calibration: {escape_markdown(describe_calibration(page.calibration))}."
    widths = compare_widths(page.bands, page.before)
    if not widths.empty:
        yield "## Widest and narrowest bands"
        yield to_markdown(_build_width_sheet(select_extremes(widths)))
    yield from _list_quarantined(summary)
    scored = page.coverage[page.coverage["method"] == "calibrated"]
    if not scored.empty:
        yield "## Coverage of the last month"
        columns = (Column("horizon", "ahead", "right"), Column("outcomes", "outcomes", "right"))
        shown = (*columns, Column("inside", "inside", "right", ".1%"))
        yield to_markdown(sheet_from_frame(scored[["horizon", "outcomes", "inside"]], shown))
    if summary.outputs:
        yield f"## Read the bands\n\n```sql\n{summary.outputs.query}\n```"
    links = ", ".join(f"[{name}](/artifacts/key/{name})" for name in page.artifacts)
    yield f"More: {links}, and `fan-<ticker>` for each chart."


def _list_quarantined(summary: RunSummary) -> Iterator[str]:
    if not summary.quarantined:
        return
    yield "## Quarantined"
    columns = (Column("ticker", "ticker"), Column("reason", "reason"), Column("detail", "detail"))
    rows = tuple((ticker, error.reason, str(error)) for ticker, error in summary.quarantined.items())
    yield to_markdown(Sheet("", columns, rows))


def _build_width_sheet(widths: pd.DataFrame) -> Sheet:
    """Build the table of widths, without their change where no ticker has one."""
    is_shown = {"change": widths["change"].notna().any()}
    columns = [column for column in _WIDTH_COLUMNS if is_shown.get(column.key, True)]
    return sheet_from_frame(widths[[column.key for column in columns]], columns)


def compare_widths(bands: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return the relative width of each ticker's band and its change, the widest first.

    Args:
        bands: In columns of `latest_forecast`.
        before: Bands of the session before; may be empty.
    """
    widths, earlier = _measure_widths(bands), _measure_widths(before)
    known: Mapping[str, float] = dict(zip(earlier["ticker"], earlier["width"], strict=True))
    change = widths["width"].astype(float) / widths["ticker"].map(known).astype(float) - 1
    return widths.assign(change=change).sort_values("width", ascending=False)


def select_extremes(widths: pd.DataFrame) -> pd.DataFrame:
    """Select the widest and the narrowest rows, of few all."""
    if len(widths) <= 2 * EXTREMES:
        return widths
    return pd.concat([widths.head(EXTREMES), widths.tail(EXTREMES)])


def _measure_widths(bands: pd.DataFrame) -> pd.DataFrame:
    names = ["ticker", "horizon", "anchor_close", "lower", "upper"]
    if bands.empty:
        return pd.DataFrame(columns=[*names, "width"])
    main = bands.loc[bands["horizon"] == min(WIDTH_HORIZON, bands["horizon"].max()), names]
    return main.assign(width=(main["upper"] - main["lower"]) / main["anchor_close"])
