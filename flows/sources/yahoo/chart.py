"""The parts of Yahoo's chart answer beside the prices: the instrument, and the true days of its actions."""

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from forecasting.prices.history import InstrumentFacts, as_actions

DAILY = "1d"
CHART_PAGES = ("/chart/",)
ANSWERS = (200, 400, 404)  # statuses that are about the symbol, not about the server


@dataclass(frozen=True)
class Chart:
    """One answer of the chart endpoint without its prices.

    Attributes:
        symbol: Symbol of the prices; None where the answer has none.
        granularity: Interval of the bars, `1d` for daily ones.
        facts: Instrument metadata.
        actions: By ex-date, as announced: split ratios, dividends split-adjusted like the prices.
        last_row: Day of the newest row, with a price or without; None where there is no row.
        error: Yahoo's description of what is wrong with the request; None where nothing is.
        unknown_volume: Days whose volume is `null`, which yfinance turns into 0.
    """

    symbol: str | None
    granularity: str | None
    facts: InstrumentFacts
    actions: pd.DataFrame
    last_row: date | None
    error: str | None
    unknown_volume: pd.DatetimeIndex = field(default_factory=lambda: pd.DatetimeIndex([]))


def read_chart(body: bytes) -> Chart:
    """Read an answer.

    Raises:
        ValueError: It is no answer of the chart endpoint.
    """
    chart = json.loads(body).get("chart") or {}
    fault = chart.get("error")
    result = (chart.get("result") or [{}])[0] or {}
    meta = result.get("meta") or {}
    zone = meta.get("exchangeTimezoneName") or "UTC"
    days = _to_days(result.get("timestamp") or [], zone)
    return Chart(
        symbol=meta.get("symbol"),
        granularity=meta.get("dataGranularity"),
        facts=_read_facts(meta, zone),
        actions=_read_actions(result.get("events") or {}, zone),
        last_row=days.max().date() if len(days) else None,
        error=None if fault is None else str(fault.get("description") or fault),
        unknown_volume=days[_lacks_volume(result)] if len(days) else days,
    )


def _read_facts(meta: dict[str, Any], zone: str) -> InstrumentFacts:
    stamp = meta.get("firstTradeDate")
    return InstrumentFacts(
        currency=meta.get("currency"),
        kind=meta.get("instrumentType"),
        zone=meta.get("exchangeTimezoneName"),
        name=meta.get("longName") or meta.get("shortName"),
        first_trade_date=_to_days([stamp], zone)[0].date() if isinstance(stamp, int) else None,
    )


def _lacks_volume(result: dict[str, Any]) -> list[bool]:
    """(T,) true where a row has no volume."""
    rows = len(result["timestamp"])
    quote = ((result.get("indicators") or {}).get("quote") or [{}])[0] or {}
    return [volume is None for volume in quote.get("volume") or [None] * rows]


def _read_actions(events: dict[str, Any], zone: str) -> pd.DataFrame:
    splits = list((events.get("splits") or {}).values())
    ratios = [float(event["numerator"]) / float(event["denominator"]) for event in splits]
    split = pd.Series(ratios, _to_days([event["date"] for event in splits], zone), dtype=float)
    dividends = list((events.get("dividends") or {}).values())
    amounts = [float(event["amount"]) for event in dividends]
    dividend = pd.Series(amounts, _to_days([event["date"] for event in dividends], zone), dtype=float)
    # Two of a kind on one day: splits multiply, dividends add up.
    return as_actions(
        pd.DataFrame({"split": split.groupby(level=0).prod(), "dividend": dividend.groupby(level=0).sum()})
    )


def _to_days(stamps: list[int], zone: str) -> pd.DatetimeIndex:
    """Convert to the wall dates of the exchange; through UTC, some exchanges would move to the day before."""
    instants = pd.DatetimeIndex(pd.to_datetime(pd.Series(stamps, dtype="int64"), unit="s", utc=True))
    return instants.tz_convert(zone).tz_localize(None).normalize()
