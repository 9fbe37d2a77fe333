"""A small imitation of Yahoo's chart endpoint on the loopback, for the real yfinance client to talk to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

NOT_FOUND = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
TOO_MANY = (429, b"Too Many Requests")
SERVER_ERROR = (500, b"<html>Internal Server Error</html>")


@dataclass
class Listing:
    """One symbol as Yahoo tells it: split-adjusted closes by day, and actions by ex-date."""

    closes: dict[date, float | None]
    dividends: dict[date, float] = field(default_factory=dict)
    splits: dict[date, float] = field(default_factory=dict)
    zone: str = "America/New_York"
    opens: dict[date, float | None] = field(default_factory=dict)
    volumes: dict[date, float] = field(default_factory=dict)

    def stamp(self, day: date) -> int:
        return int(datetime.combine(day, time(9, 30), ZoneInfo(self.zone)).timestamp())

    def result(self, period: tuple[int, int]) -> dict[str, Any]:
        days = [day for day in self.closes if period[0] <= self.stamp(day) < period[1]]
        close = [self.closes[day] for day in days]
        volume = [self.volumes.get(day, 1000) for day in days]
        start = [self.opens.get(day, self.closes[day]) for day in days]
        quote = {"open": start, "high": start, "low": start, "close": close, "volume": volume}
        prices = {"quote": [quote], "adjclose": [{"adjclose": close}]} if days else {"quote": [{}]}
        stamps = {"timestamp": [self.stamp(day) for day in days]} if days else {}
        return {"meta": self.meta(), "indicators": prices, "events": self.events(period)} | stamps

    def meta(self) -> dict[str, Any]:
        return {
            "currency": "USD",
            "exchangeName": "NMS",
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": self.zone,
            "timezone": "EST",
            "gmtoffset": 0,
            "priceHint": 2,
            "regularMarketTime": self.stamp(max(self.closes)),
            "validRanges": ["1d", "1mo", "max"],
            "dataGranularity": "1d",
            "range": "",
        }

    def events(self, period: tuple[int, int]) -> dict[str, Any]:
        def within(actions: dict[date, float]) -> dict[int, float]:
            stamped = {self.stamp(day): value for day, value in actions.items()}
            return {stamp: value for stamp, value in stamped.items() if period[0] <= stamp < period[1]}

        dividends = {str(at): {"amount": value, "date": at} for at, value in within(self.dividends).items()}
        splits = {
            str(at): {"date": at, "numerator": value, "denominator": 1.0, "splitRatio": f"{value:g}:1"}
            for at, value in within(self.splits).items()
        }
        return {"dividends": dividends, "splits": splits}


@dataclass
class Yahoo:
    """What the server tells: symbol -> Listing, or symbol -> (status, body) while a fault lasts."""

    url: str
    listings: dict[str, Listing] = field(default_factory=dict)
    faults: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        self.requests.append(path)
        if path.endswith("/getcrumb"):
            return 200, b"crumb"
        symbol = path.rpartition("/")[2]
        if "/chart/" in path and symbol in self.faults:
            return self.faults[symbol]
        if "/chart/" not in path or symbol not in self.listings:
            return 404, json.dumps({"chart": {"result": None, "error": NOT_FOUND}}).encode()
        period = int(query.get("period1", ["0"])[0]), int(query.get("period2", ["99999999999"])[0])
        result = self.listings[symbol].result(period)
        return 200, json.dumps({"chart": {"result": [result], "error": None}}).encode()


@contextmanager
def serve() -> Iterator[Yahoo]:
    """Run the imitation on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            status, body = yahoo.answer(url.path, parse_qs(url.query))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        yahoo = Yahoo(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield yahoo
        server.shutdown()
        thread.join()
