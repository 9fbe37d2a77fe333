"""The HTTP session under yfinance: it remembers the last status and may be sent to another server.

Imported only when a download starts: curl_cffi is slow to load.
"""

import functools
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yfinance
from curl_cffi.requests import Response, Session


class YahooSession(Session[Response]):
    """A browser-like session.

    Args:
        base_url: Server that stands in for every host of Yahoo; proxies of the environment are then ignored.

    Attributes:
        last_status: Status of the last answer to a price request, None after a request without an answer.
            yfinance drops it: with an HTML page of status 500 it raises the same as with a broken body.
    """

    def __init__(self, base_url: str | None = None) -> None:
        super().__init__(impersonate="chrome", trust_env=base_url is None)
        self.redirect = base_url
        self.last_status: int | None = None

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Response:
        """Send the request; yfinance passes `method` by keyword."""
        if self.redirect is not None:
            url = self.redirect.rstrip("/") + (urlsplit(url).path or "/")
        is_price = "/chart/" in url
        self.last_status = None if is_price else self.last_status
        response: Response = super().request(method, url, *args, **kwargs)
        self.last_status = response.status_code if is_price else self.last_status
        return response


@functools.cache
def open_session(base_url: str | None) -> YahooSession:
    """One session a process and server: yfinance keeps one crumb a process, which fits one cookie jar."""
    return YahooSession(base_url)


@functools.cache
def use_cache_dir(folder: Path) -> None:
    """Keep yfinance's three small databases in `folder`, private because one holds pickled cookies."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    yfinance.set_tz_cache_location(str(folder))
