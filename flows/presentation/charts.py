"""Fan charts of recent closes and forecast bands."""

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

from flows.presentation.bands import FanData
from flows.presentation.report_dates import describe_report, select_reports
from forecasting.config import BAND_LEVELS
from forecasting.errors import UsageError
from forecasting.features.report_days import DatedReport
from forecasting.text import format_plain

LEGEND_INCHES = 1.4  # of an entry of the legend
HISTORY_SESSIONS = 90
CHARTS_A_ROW = 3
_STYLE: Any = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
_INK = "#374151"
_BAND = "#2563eb"
_MEDIAN = "#1d4ed8"
_REPORT = "#b45309"


def draw_fan(bands: pd.DataFrame, closes: pd.Series, ticker: str, *, reports: Sequence[DatedReport]) -> bytes:
    """Draw the fan of one ticker as a PNG of about 20 kB, on its own background: readable on dark pages."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained", facecolor="#f8fafc")
        axis = figure.subplots()
        axis.set_facecolor("#f8fafc")
        _draw(axis, ticker, bands, closes=closes.iloc[-HISTORY_SESSIONS:], reports=reports)
        _add_legend(figure, [axis])
        image = BytesIO()
        figure.savefig(image, format="png", dpi=90)
    return image.getvalue()


def require_drawable(path: Path) -> None:
    """Check that a picture can have the name of a path.

    Raises:
        UsageError: Its suffix is of no known kind.
    """
    if path.suffix.lower().removeprefix(".") not in FigureCanvasBase.get_supported_filetypes():
        raise UsageError(
            f"Expected --out to end in .png, .pdf or .svg, found {path.name or path}; name a picture."
        )


def save_fan_charts(fans: FanData, path: Path) -> Path:
    """Draw recent closes and the calibrated bands of each ticker into one picture; return its path.

    Args:
        fans: Bands and closes.
        path: Where the picture goes, of the kind that its suffix names; its folder is made.
    """
    tickers = list(fans.bands["ticker"].unique())
    columns = min(CHARTS_A_ROW, len(tickers))
    rows = -(-len(tickers) // columns)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.4 * columns, 3.1 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, ticker in zip(axes, tickers, strict=False):
            bands = fans.bands[fans.bands["ticker"] == ticker]
            closes = fans.closes[ticker].iloc[-HISTORY_SESSIONS:]
            _draw(axis, ticker, bands, closes=closes, reports=fans.reports.get(ticker, ()))
        for axis in axes[len(tickers) :]:
            axis.set_visible(False)
        _add_legend(figure, list(axes))
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    return path


def _add_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """Name each kind of line once, of all the charts: not every share has a report to show."""
    entries: dict[str, Any] = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        entries = {**dict(zip(labels, handles, strict=True)), **entries}
    columns = min(len(entries), int(figure.get_figwidth() / LEGEND_INCHES))
    figure.legend(
        list(entries.values()), list(entries), loc="outside lower center", ncols=columns, frameon=False
    )


def _draw(
    axis: Axes, ticker: str, bands: pd.DataFrame, *, closes: pd.Series, reports: Sequence[DatedReport]
) -> None:
    calibrated = bands[bands["band"] == "calibrated"]
    wide = calibrated.pivot_table(index="target_session", columns="level", values="price")
    wide.index = pd.to_datetime(wide.index)
    wide.loc[closes.index[-1]] = closes.iloc[-1]  # the fan opens at the last close
    wide = wide.sort_index()
    levels = BAND_LEVELS if set(BAND_LEVELS) <= set(wide.columns) else sorted(wide.columns)
    pairs = [(low, high) for low, high in zip(levels, reversed(levels), strict=True) if low < high]
    for depth, (low, high) in enumerate(pairs, start=1):
        shade = 0.45 * depth / len(pairs)
        label = f"{high - low:.0%} band"
        axis.fill_between(wide.index, wide[low], wide[high], color=_BAND, alpha=shade, lw=0, label=label)
    axis.plot(closes.index, closes, color=_INK, lw=1.1, label="close")
    axis.plot(wide.index, wide[0.5], color=_MEDIAN, lw=1.3, label="median")
    first, last = closes.index[0].date(), wide.index[-1].date()
    _mark_reports(axis, select_reports(reports, first, last), closes.index[-1].date())
    axis.set_title(f"{ticker}, from {closes.index[-1].date()}", fontsize=10, loc="left")
    axis.tick_params(axis="x", rotation=30)
    axis.yaxis.set_major_formatter(lambda price, _: format_plain(price))
    axis.grid(alpha=0.25)


def _mark_reports(axis: Axes, reports: Sequence[DatedReport], as_of: date) -> None:
    """Mark the day of each report by a line; that of a coming one is named."""
    for report in reports:
        day = pd.Timestamp(report.day)
        axis.axvline(day, color=_REPORT, lw=0.9, ls=":", label="earnings report")
        if report.day > as_of:
            axis.annotate(
                describe_report(report),
                (day, 1),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                xytext=(-3, -3),
                rotation=90,
                ha="right",
                va="top",
                fontsize=6.5,
                color=_REPORT,
            )
