"""Artifacts: what a run shows in the Prefect UI, under keys that stay, so that the UI keeps a history."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from prefect.artifacts import create_markdown_artifact, create_table_artifact

_SHOWN = ["ticker", "as_of", "target_session", "horizon", "lower", "median", "upper", "quality"]


def key(kind: str, name: str) -> str:
    """A key as Prefect wants it, of small letters, digits and dashes.

    >>> key("fan", "BRK-B"), key("fan", "^GSPC"), key("fan", "EURUSD=X")
    ('fan-brk-b', 'fan-index-gspc', 'fan-eurusd-x')
    """
    words = re.sub("[^a-z0-9]+", "-", name.lower().replace("^", "index-"))
    return f"{kind}-{words.strip('-')}"


def show_bands(bands: pd.DataFrame, description: str) -> None:
    """A table of bands in plain values: the UI knows neither numpy's numbers nor dates."""
    shown = bands[_SHOWN].astype({"as_of": str, "target_session": str}).round(4)
    rows: list[dict[str, Any]] = shown.astype(object).to_dict("records")
    create_table_artifact(rows, key="bands", description=description)


def show_fan(ticker: str, bands: pd.DataFrame, png: bytes) -> None:
    """A fan chart above the bands of one ticker."""
    first = bands.iloc[0]
    picture = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    rows = (
        f"| {row.horizon} | {row.target_session} | {row.lower:,.2f} | {row.median:,.2f} | {row.upper:,.2f} |"
        for row in bands.itertuples()
    )
    lines = (
        f"# {ticker}, from {first.as_of}",
        f"Close {first.anchor_close:,.2f}; bands of {first.coverage:.0%}, quality {first.quality}.",
        f"![Closes and forecast bands of {ticker}]({picture})",
        "\n".join(("| ahead | session | lower | median | upper |", "|---|---|---|---|---|", *rows)),
    )
    create_markdown_artifact(
        "\n\n".join(lines), key=key("fan", ticker), description=f"{ticker}, from {first.as_of}"
    )


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of plain values as a table in markdown; empty for none."""
    if not rows:
        return ""
    heads = list(rows[0])
    lines = [heads, ["---"] * len(heads), *([_cell(row[name]) for name in heads] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if np.isfinite(value) else ""
    return str(value)
