"""Fan charts: prices of any size are readable on their axis."""

import re
from datetime import date
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

from flows.presentation.bands import FanData, select_charted
from flows.presentation.charts import save_fan_charts
from forecasting.features.report_days import DatedReport

AS_OF = date(2024, 6, 3)
PAST = DatedReport(date(2024, 5, 30), "unknown", "reported")
NEXT = DatedReport(date(2024, 6, 4), "after_close", "announced")
WIDTHS = {"BBB": 3, "AAA": 2, "CCC": 1, "DDD": 4}
FAR = DatedReport(date(2024, 9, 4), "unknown", "projected")


def draw(path: Path, close: float) -> list[str]:
    """Draw closes and a band around them; the texts of the picture."""
    bands = pd.DataFrame(
        [
            ("AAA", "calibrated", day, level, close * factor)
            for day in (date(2024, 6, 4), date(2024, 6, 5))
            for level, factor in ((0.05, 0.95), (0.5, 1.0), (0.95, 1.05))
        ],
        columns=["ticker", "band", "target_session", "level", "price"],
    )
    closes = pd.Series(close, pd.bdate_range(end=AS_OF, periods=5))
    reports = {"AAA": (PAST, NEXT, FAR)}
    with mpl.rc_context({"svg.fonttype": "none"}):  # texts stay texts
        save_fan_charts(FanData(bands, {"AAA": closes}, AS_OF, reports), path)
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text())


@pytest.mark.parametrize(
    ("close", "label"), [(0.00002, r"0\.0000\d+"), (622_830.55, r"\d\d\d,000"), (202.91, r"2\d\d")]
)
def test_the_axis_shows_prices_with_their_digits(workplace: Path, close: float, label: str) -> None:
    texts = draw(workplace / "fan.svg", close)
    assert len([text for text in texts if re.fullmatch(label, text)]) >= 3
    assert not [text for text in texts if re.search(r"\de[-\u2212+]?\d", text)]


def test_reports_within_the_picture_are_marked_and_the_coming_one_is_named(workplace: Path) -> None:
    texts = draw(workplace / "fan.svg", 100.0)
    assert texts.count("earnings report") == 1  # in the legend
    assert [text for text in texts if "announced" in text or "projected" in text] == [
        "2024-06-04, after the close, announced"
    ]


def test_the_legend_lies_within_the_picture_of_one_ticker(workplace: Path) -> None:
    draw(workplace / "fan.svg", 100.0)
    picture = (workplace / "fan.svg").read_text()
    (width,) = re.findall(r'viewBox="0 0 ([\d.]+) ', picture)
    (legend,) = re.findall(r'<g id="legend_1">(.*)', picture, re.DOTALL)
    lefts = [float(left) for left in re.findall(r'<text [^>]*x="(-?[\d.]+)"', legend)]
    assert len(lefts) == 4
    assert min(lefts) > 0
    assert max(lefts) + 80 < float(width)  # the longest entry takes 75


def test_of_many_tickers_the_watched_and_the_widest_are_drawn() -> None:
    bands = pd.DataFrame(
        [(ticker, h, 100 - width * h, 100 + width * h) for ticker, width in WIDTHS.items() for h in (5, 1)],
        columns=["ticker", "horizon", "lower", "upper"],
    )
    assert select_charted(bands, ("CCC", "GONE"), 3) == ("BBB", "CCC", "DDD")
    assert select_charted(bands, ("CCC", "AAA", "DDD"), 2) == ("AAA", "CCC")
    assert select_charted(bands, ("CCC",), 4) == ("AAA", "BBB", "CCC", "DDD")
