"""How a run asks a vendor that fails: again, later, or no more, and never for longer than it was given."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeVar

from forecasting.errors import GaveUpError, RateLimitedError, VendorError

T = TypeVar("T")

ATTEMPTS = 4
REFUSED_TICKERS = 3  # given up in a row for rate limits, after which nothing more is asked in this run
REFUSAL_FACTOR = 6  # a rate limit wants minutes where a broken answer wants seconds
LONGEST_DOUBLING = 2
CALL_SECONDS = 60  # a ticker's download takes one second; what takes a minute hangs


@dataclass(frozen=True)
class Limits:
    """How long a run may wait.

    Attributes:
        minutes: For all tickers together.
        retry_seconds: First pause before a ticker is asked for again; it doubles. After a refusal for too
            many requests all tickers pause, for `REFUSAL_FACTOR` times as long.
        call_seconds: For one download.
    """

    minutes: float
    retry_seconds: float
    call_seconds: float = CALL_SECONDS


class Patience:
    """Shared by all tickers of one run; threads take turns.

    Args:
        limits: How long to wait.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._deadline = time.monotonic() + limits.minutes * 60
        self._turn = threading.Lock()
        self._refusals = 0  # in a row
        self._refused = 0  # tickers given up for it in a row

    def ask(self, ticker: str, download: Callable[[], T]) -> T:
        """What `download` returns, tried again where its error is worth it.

        Raises:
            PriceError: As the last download did, or because the time is spent.
        """
        for attempt in range(ATTEMPTS):
            try:
                with self._taking_turns(ticker):
                    return self._once(ticker, download)
            except RateLimitedError:
                if attempt == ATTEMPTS - 1 or self._refused:
                    self._refused += 1
                    raise
            except VendorError:
                if attempt == ATTEMPTS - 1:
                    raise
                self._sleep(ticker, self._limits.retry_seconds * 2**attempt)
        raise GaveUpError(ticker, self._limits.minutes)  # not reached: the last attempt returns or raises

    @contextmanager
    def _taking_turns(self, ticker: str) -> Iterator[None]:
        if not self._turn.acquire(timeout=max(0.0, self._left())):
            raise GaveUpError(ticker, self._limits.minutes)
        try:
            yield
        finally:
            self._turn.release()

    def _once(self, ticker: str, download: Callable[[], T]) -> T:
        if self._left() <= 0:
            raise GaveUpError(ticker, self._limits.minutes)
        if self._refused >= REFUSED_TICKERS:
            raise RateLimitedError(ticker)
        try:
            found = within(min(self._limits.call_seconds, self._left()), ticker, download)
        except RateLimitedError:
            self._pause(ticker)
            raise
        self._refusals = self._refused = 0
        return found

    def _pause(self, ticker: str) -> None:
        """Wait while holding the turn: so all wait."""
        doubling = min(self._refusals, LONGEST_DOUBLING)
        self._refusals += 1
        self._sleep(ticker, REFUSAL_FACTOR * self._limits.retry_seconds * 2**doubling)

    def _sleep(self, ticker: str, seconds: float) -> None:
        """Wait about so long; the jitter keeps several jobs from coming back in step."""
        seconds *= random.uniform(1.0, 1.5)
        if seconds >= self._left():
            raise GaveUpError(ticker, self._limits.minutes)
        time.sleep(seconds)

    def _left(self) -> float:
        return self._deadline - time.monotonic()


def within(seconds: float, ticker: str, call: Callable[[], T]) -> T:
    """What `call` returns, or an error after that many seconds; a call that hangs is left behind.

    A thread cannot be killed and the vendor's client has no time limit of its own, so the call runs in a
    daemon thread: it ends with the process at the latest.

    Raises:
        VendorError: There was no answer in time.
    """
    answers: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:  # raised again by who waits
            answers.put((None, error))

    threading.Thread(target=run, name=f"download-{ticker}", daemon=True).start()
    try:
        found, error = answers.get(timeout=seconds)
    except Empty:
        raise VendorError(ticker, f"no answer within {seconds:.0f} seconds") from None
    if error is not None:
        raise error
    return found  # type: ignore[return-value]  # without an error there is a result, which may be None
