"""Retry policy for downloads: exponential back-off, rate-limit pauses, overall deadline."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from flows.settings import Settings
from forecasting.errors import GaveUpError, RateLimitedError, VendorError
from forecasting.text import format_count

T = TypeVar("T")

LONGEST_JITTER = 1.5


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds of the downloads of one run.

    Attributes:
        minutes: Time for all tickers together.
        retry_seconds: Pause before a failed download is tried again; it doubles with each attempt.
        call_seconds: Time for one download: it takes one second, and one that takes a minute hangs.
        attempts: Downloads of one ticker at most.
        rate_limit_factor: After a rate limit all tickers pause, so many times as long: a rate limit needs
            minutes where a broken answer needs seconds.
        most_doublings: Doublings of that pause at most.
        most_rate_limited: Tickers that fail for rate limits in a row, after which no more requests are made.
    """

    minutes: float
    retry_seconds: float
    call_seconds: float = 60
    attempts: int = 4
    rate_limit_factor: float = 6
    most_doublings: int = 2
    most_rate_limited: int = 3


class Retrier:
    """Downloads of one run, one at a time, repeated where the error may pass.

    All tickers of a run share one: a rate limit concerns all of them, and so does the deadline.

    Args:
        policy: Bounds.
        clock: Seconds of a monotonic clock.
        sleep: Wait for so many seconds.
        jitter: Draw a factor between two bounds; it keeps several runs from coming back in step.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._deadline = clock() + policy.minutes * 60
        self._turn = threading.Lock()
        self._rate_limits = 0  # in a row
        self._rate_limited_tickers = 0  # in a row

    def call(self, ticker: str, download: Callable[[], T]) -> T:
        """Return the result of a download, tried again where its error may pass.

        Raises:
            PriceError: The error of the last attempt, or the deadline has passed.
        """
        for attempt in range(self._policy.attempts):
            is_last = attempt == self._policy.attempts - 1
            try:
                with self._take_turn(ticker):
                    return self._attempt(ticker, download)
            except RateLimitedError:
                if is_last or self._rate_limited_tickers:
                    self._rate_limited_tickers += 1
                    raise
            except VendorError:
                if is_last:
                    raise
                self._pause(ticker, self._policy.retry_seconds * 2**attempt)
        raise GaveUpError(ticker, self._policy.minutes)  # not reached: the last attempt returns or raises

    @contextmanager
    def _take_turn(self, ticker: str) -> Iterator[None]:
        if not self._turn.acquire(timeout=max(0.0, self._seconds_left())):
            raise GaveUpError(ticker, self._policy.minutes)
        try:
            yield
        finally:
            self._turn.release()

    def _attempt(self, ticker: str, download: Callable[[], T]) -> T:
        if self._seconds_left() <= 0:
            raise GaveUpError(ticker, self._policy.minutes)
        if self._rate_limited_tickers >= self._policy.most_rate_limited:
            raise RateLimitedError(ticker)
        try:
            result = call_within(min(self._policy.call_seconds, self._seconds_left()), ticker, download)
        except RateLimitedError:
            self._pause_all(ticker)
            raise
        self._rate_limits = 0
        self._rate_limited_tickers = 0
        return result

    def _pause_all(self, ticker: str) -> None:
        """Pause while this ticker has the turn, so that all of them wait."""
        doublings = min(self._rate_limits, self._policy.most_doublings)
        self._rate_limits += 1
        self._pause(ticker, self._policy.rate_limit_factor * self._policy.retry_seconds * 2**doublings)

    def _pause(self, ticker: str, seconds: float) -> None:
        seconds *= self._jitter(1.0, LONGEST_JITTER)
        if seconds >= self._seconds_left():
            raise GaveUpError(ticker, self._policy.minutes)
        self._sleep(seconds)

    def _seconds_left(self) -> float:
        return self._deadline - self._clock()


def open_retrier(settings: Settings) -> Retrier:
    """Start the retries of a run; its deadline counts from now."""
    return Retrier(RetryPolicy(settings.ingest_minutes, settings.retry_seconds))


def call_within(seconds: float, ticker: str, call: Callable[[], T]) -> T:
    """Return the result of a call, or raise after that many seconds; a call that hangs is left behind.

    A thread cannot be killed and the vendor's client has no time limit of its own, so the call runs in a
    daemon thread: it ends with the process at the latest.

    Raises:
        VendorError: There was no answer in time.
    """
    answer = Future[T]()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # raised again in the thread that waits
            answer.set_exception(error)

    threading.Thread(target=run, name=f"download-{ticker}", daemon=True).start()
    if not wait([answer], seconds).done:  # the result's own time limit raises what the call may raise, too
        raise VendorError(ticker, f"no answer within {format_count(round(seconds), 'second')}")
    return answer.result()
