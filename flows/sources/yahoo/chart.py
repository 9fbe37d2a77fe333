"""What Yahoo's chart answer says beside the prices: the instrument, and the true days of its actions."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from forecasting.prices.history import InstrumentFacts, as_actions

DAILY = "1d"


@dataclass(frozen=True)
class Chart:
    """One answer of the chart endpoint, its prices left out.

    Attributes:
        symbol: Whose prices these are; None where the answer does not say.
        granularity: Of the bars, `1d` for daily ones.
        facts: What the symbol stands for.
        actions: By ex-date, as announced: split ratios, dividends split-adjusted like the prices.
        last_row: Day of the newest row, with a price or without; None where there is none.
        error: What Yahoo says is wrong with the request; None where nothing is.
    """

    symbol: str | None
    granularity: str | None
    facts: InstrumentFacts
    actions: pd.DataFrame
    last_row: date | None
    error: str | None


def read_chart(body: bytes) -> Chart:
    """The parts of an answer.

    Raises:
        ValueError: It is no answer of the chart endpoint.
    """
    chart = json.loads(body).get("chart") or {}
    fault = chart.get("error")
    result = (chart.get("result") or [{}])[0] or {}
    meta = result.get("meta") or {}
    zone = meta.get("exchangeTimezoneName") or "UTC"
    days = _days(result.get("timestamp") or [], zone)
    return Chart(
        symbol=meta.get("symbol"),
        granularity=meta.get("dataGranularity"),
        facts=InstrumentFacts(
            meta.get("currency"), meta.get("instrumentType"), meta.get("exchangeTimezoneName")
        ),
        actions=_actions(result.get("events") or {}, zone),
        last_row=days.max().date() if len(days) else None,
        error=None if fault is None else str(fault.get("description") or fault),
    )


def _actions(events: dict[str, Any], zone: str) -> pd.DataFrame:
    splits = list((events.get("splits") or {}).values())
    dividends = list((events.get("dividends") or {}).values())
    ratios = [float(one["numerator"]) / float(one["denominator"]) for one in splits]
    split = pd.Series(ratios, _days([one["date"] for one in splits], zone), dtype=float)
    amounts = [float(one["amount"]) for one in dividends]
    dividend = pd.Series(amounts, _days([one["date"] for one in dividends], zone), dtype=float)
    # Two of a kind on one day: splits multiply, dividends add up.
    return as_actions(
        pd.DataFrame({"split": split.groupby(level=0).prod(), "dividend": dividend.groupby(level=0).sum()})
    )


def _days(stamps: list[int], zone: str) -> pd.DatetimeIndex:
    """The wall dates of the exchange; through UTC, some exchanges would move to the day before."""
    instants = pd.DatetimeIndex(pd.to_datetime(pd.Series(stamps, dtype="int64"), unit="s", utc=True))
    return instants.tz_convert(zone).tz_localize(None).normalize()
