"""HTTP session of yfinance: limits rate and time, redirects to another server, keeps the last answer.

Imported only when a download starts: curl_cffi is slow to load.
"""

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yfinance
from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import Timeout

REQUEST_SECONDS = 10.0  # yfinance itself allows 30 for cookie and crumb
CALL_SECONDS = 45.0  # for all requests of one ticker


@dataclass
class RateLimiter:
    """Limit of requests a second, over all threads.

    Attributes:
        per_second: The limit.
        clock: Seconds of a monotonic clock.
        sleep: Wait for so many seconds.
    """

    per_second: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _next: float = field(default=0.0, init=False)

    def wait(self) -> None:
        """Return when the next request may go."""
        with self._lock:
            slot = max(self._next, self.clock())
            self._next = slot + 1.0 / self.per_second
        self.sleep(max(0.0, slot - self.clock()))


class YahooSession(Session[Response]):
    """Session that looks like a browser.

    Args:
        base_url: Server that stands in for every host of Yahoo; proxies of the environment are then ignored.
        per_second: Limit of requests a second.

    Attributes:
        answer: The last answer of the pages that are kept, None after a request without one. yfinance drops
            it: with an HTML page of status 500 it raises the same as with a broken body, and it moves
            the splits and dividends of a missing day to the day before.
    """

    def __init__(self, base_url: str | None = None, per_second: float = 4.0) -> None:
        super().__init__(impersonate="chrome", trust_env=base_url is None)
        self.redirect = base_url
        self.limiter = RateLimiter(per_second)
        self.answer: Response | None = None
        self._kept: tuple[str, ...] = ()
        self._deadline = 0.0

    def begin(self, kept: tuple[str, ...]) -> None:
        """Start the time limit of one ticker's requests.

        Args:
            kept: Parts of the addresses whose answers are kept: yfinance asks other pages beside.
        """
        self.answer = None
        self._kept = kept
        self._deadline = time.monotonic() + CALL_SECONDS

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Response:
        """Send the request; yfinance passes `method` by keyword."""
        if self.redirect is not None:
            requested = urlsplit(url)
            query = f"?{requested.query}" if requested.query else ""
            url = f"{self.redirect.rstrip('/')}{requested.path or '/'}{query}"
        is_kept = any(part in url for part in self._kept)
        self.answer = None if is_kept else self.answer
        self.limiter.wait()
        response: Response = super().request(
            method, url, *args, **{**kwargs, "timeout": self._timeout(kwargs)}
        )
        self.answer = response if is_kept else self.answer
        return response

    def _timeout(self, options: dict[str, Any]) -> float:
        """Choose the shortest of yfinance's own limit, ours, and the time that is left."""
        wanted = options.get("timeout")
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Timeout(f"no time left of the {CALL_SECONDS:.0f} seconds for one ticker")
        return min(wanted if isinstance(wanted, int | float) else REQUEST_SECONDS, REQUEST_SECONDS, left)


@functools.cache
def open_session(base_url: str | None, per_second: float) -> YahooSession:
    """Open one session a process and server: yfinance keeps one crumb a process, for one cookie jar."""
    return YahooSession(base_url, per_second)


@functools.cache
def use_cache_dir(folder: Path) -> None:
    """Keep yfinance's three small databases in `folder`, private because one holds pickled cookies."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    yfinance.set_tz_cache_location(str(folder))
