"""A small imitation of Yahoo on the loopback, for the real yfinance client: charts and earnings dates."""

import io
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

NOT_FOUND = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
TOO_MANY = (429, b"Too Many Requests")
SERVER_ERROR = (500, b"<html>Internal Server Error</html>")
HTML = (200, b"<html>Will be back</html>")
MALFORMED = (200, b'{"chart": {')
EMPTY = (200, b'{"chart": {"result": [], "error": null}}')
TRUNCATED, RESET, HANG = "truncated", "reset", "hang"  # faults below HTTP

Answer = tuple[int, bytes]
NEW_YORK = ZoneInfo("America/New_York")


def earnings_page(symbol: str, stamps: list[datetime]) -> bytes:
    """Yahoo's page of a symbol's reports, in New York's time as it shows them, the newest first."""
    heads = ("Symbol", "Company", "Earnings Date", "EPS Estimate", "Reported EPS", "Surprise (%)")
    rows = [
        (symbol, "A company", f"{at:%B} {at.day}, {at.year} at {at:%I} {at:%p} {at:%Z}", "1.5", "-", "-")
        for at in sorted((stamp.astimezone(NEW_YORK) for stamp in stamps), reverse=True)
    ]
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else "<p>None</p>"
    return f"<html><title>Company Earnings Calendar</title>{table}</html>".encode()


@dataclass
class Listing:
    """One symbol as Yahoo lists it: split-adjusted closes by day, and actions by ex-date."""

    closes: dict[date, float | None]
    dividends: dict[date, float] = field(default_factory=dict)
    splits: dict[date, float] = field(default_factory=dict)
    zone: str = "America/New_York"
    opens: dict[date, float | None] = field(default_factory=dict)
    volumes: dict[date, float | None] = field(default_factory=dict)
    highs: dict[date, float | None] = field(default_factory=dict)
    lows: dict[date, float | None] = field(default_factory=dict)
    currency: str = "USD"
    kind: str = "EQUITY"
    meta_changes: dict[str, Any] = field(default_factory=dict)
    repeats_last: bool = False  # the last row comes twice, as while a market is open

    def stamp(self, day: date) -> int:
        return int(datetime.combine(day, time(9, 30), ZoneInfo(self.zone)).timestamp())

    def result(self, period: tuple[int, int]) -> dict[str, Any]:
        days = [day for day in self.closes if period[0] <= self.stamp(day) < period[1]]
        days += days[-1:] if self.repeats_last else []
        close = [self.closes[day] for day in days]
        volume = [self.volumes.get(day, 1000) for day in days]
        start = [self.opens.get(day, self.closes[day]) for day in days]
        high = [self.highs.get(day, price) for day, price in zip(days, start, strict=True)]
        low = [self.lows.get(day, price) for day, price in zip(days, start, strict=True)]
        quote = {"open": start, "high": high, "low": low, "close": close, "volume": volume}
        prices = {"quote": [quote], "adjclose": [{"adjclose": close}]} if days else {"quote": [{}]}
        stamps = {"timestamp": [self.stamp(day) for day in days]} if days else {}
        return {"meta": self.meta(), "indicators": prices, "events": self.events(period)} | stamps

    def meta(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "exchangeName": "NMS",
            "instrumentType": self.kind,
            "exchangeTimezoneName": self.zone,
            "timezone": "EST",
            "gmtoffset": 0,
            "priceHint": 2,
            "regularMarketTime": self.stamp(max(self.closes)),
            "validRanges": ["1d", "1mo", "max"],
            "dataGranularity": "1d",
            "range": "",
        } | self.meta_changes

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
    """Answers of the server: symbol -> Listing, or symbol -> a fault while it lasts.

    A fault is a status and a body, or trouble below HTTP; `once` holds faults of the next request alone.
    Those of the page of earnings dates are under `page:SYMBOL`, those of a quote's events under
    `events:SYMBOL`.
    """

    url: str
    listings: dict[str, Listing] = field(default_factory=dict)
    faults: dict[str, Answer | str] = field(default_factory=dict)
    once: dict[str, list[Answer | str]] = field(default_factory=dict)
    pages: dict[str, list[datetime]] = field(default_factory=dict)  # instants of reports
    events: dict[str, list[datetime]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    released: Event = field(default_factory=Event)

    def charts(self, symbol: str) -> int:
        """Number of requests for the prices of a symbol."""
        return sum(path.endswith(f"/chart/{symbol}") for path in self.requests)

    def earnings_list(self, kind: str, symbol: str) -> bytes:
        if kind == "page":
            return earnings_page(symbol, self.pages.get(symbol, []))
        stamps = [int(at.timestamp()) for at in self.events.get(symbol, [])]
        result = {"calendarEvents": {"earnings": {"earningsDate": stamps}} if stamps else {}}
        return json.dumps({"quoteSummary": {"result": [result], "error": None}}).encode()

    def answer(self, path: str, query: dict[str, list[str]]) -> Answer | str:
        self.requests.append(path)
        symbol = path.rpartition("/")[2]
        if path.endswith("/calendar/earnings"):
            symbol = f"page:{query['symbol'][0]}"
        elif "/quoteSummary/" in path:
            symbol = f"events:{symbol}"
        if self.once.get(symbol):
            return self.once[symbol].pop(0)
        if symbol in self.faults:
            return self.faults[symbol]
        if path.endswith("/getcrumb"):
            return 200, b"crumb"
        if ":" in symbol:
            return 200, self.earnings_list(*symbol.split(":"))
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
            answer = yahoo.answer(unquote(url.path), parse_qs(url.query))
            if isinstance(answer, str):
                self.break_off(answer)
                return
            status, body = answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def break_off(self, how: str) -> None:
            self.close_connection = True
            if how == HANG:
                yahoo.released.wait(60)
            elif how == TRUNCATED:
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"chart": {"result"')
            else:  # an abrupt end: unsent data is dropped and the peer gets a reset
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.rfile = self.wfile = io.BytesIO()

        def log_message(self, *args: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        yahoo = Yahoo(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield yahoo
        yahoo.released.set()
        server.shutdown()
        thread.join()
