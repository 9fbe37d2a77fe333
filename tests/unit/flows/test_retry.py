"""Retries of downloads: every pause is bounded, and a rate limit concerns all tickers."""

import threading
import time
from contextlib import suppress

import pytest

from flows.sources.retry import LONGEST_JITTER, Retrier, RetryPolicy, call_within
from flows.sources.yahoo.session import RateLimiter
from forecasting.errors import GaveUpError, RateLimitedError, UnknownTickerError, VendorError

BROKEN = VendorError("ACME", "a broken answer")
RATE_LIMITED = RateLimitedError("ACME")
POLICY = RetryPolicy(minutes=60, retry_seconds=1, call_seconds=5)


class FakeTime:
    """A clock that only moves while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class Vendor:
    """Fails so often, then answers."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return "prices"


@pytest.fixture
def fake() -> FakeTime:
    return FakeTime()


def retrier(fake: FakeTime, policy: RetryPolicy = POLICY) -> Retrier:
    """Without jitter."""
    return Retrier(policy, clock=fake.clock, sleep=fake.sleep, jitter=lambda low, _: low)


def test_a_broken_answer_is_retried_after_pauses_that_double(fake: FakeTime) -> None:
    vendor = Vendor(BROKEN, BROKEN, BROKEN)
    assert retrier(fake).call("ACME", vendor) == "prices"
    assert fake.pauses == [1.0, 2.0, 4.0]


def test_after_the_last_attempt_the_error_is_the_vendors(fake: FakeTime) -> None:
    vendor = Vendor(*[BROKEN] * 9)
    with pytest.raises(VendorError, match="a broken answer"):
        retrier(fake).call("ACME", vendor)
    assert vendor.calls == POLICY.attempts


def test_an_error_that_will_not_pass_is_not_retried(fake: FakeTime) -> None:
    vendor = Vendor(UnknownTickerError("ACME", "Yahoo"))
    with pytest.raises(UnknownTickerError):
        retrier(fake).call("ACME", vendor)
    assert (vendor.calls, fake.pauses) == (1, [])


def test_the_jitter_lengthens_a_pause_and_nothing_else(fake: FakeTime) -> None:
    drawn = Retrier(POLICY, clock=fake.clock, sleep=fake.sleep, jitter=lambda _, high: high)
    drawn.call("ACME", Vendor(BROKEN))
    random = Retrier(POLICY, clock=fake.clock, sleep=fake.sleep)
    random.call("ACME", Vendor(BROKEN))
    assert fake.pauses[0] == LONGEST_JITTER
    assert 1.0 <= fake.pauses[1] <= LONGEST_JITTER


def test_a_rate_limit_pauses_all_tickers() -> None:
    """A ticker that waits for its turn gets it when the pause of the rate-limited one is over."""
    paused, resume = threading.Event(), threading.Event()

    def sleep(_: float) -> None:
        paused.set()
        assert resume.wait(5)

    shared = Retrier(POLICY, sleep=sleep)
    order: list[str] = []
    faults: list[Exception] = [RATE_LIMITED]

    def download(name: str) -> None:
        order.append(name)
        if faults:
            raise faults.pop()

    limited = threading.Thread(target=shared.call, args=("ACME", lambda: download("ACME")))
    limited.start()
    assert paused.wait(5)
    other = threading.Thread(target=shared.call, args=("OTHER", lambda: download("OTHER")))
    other.start()
    time.sleep(0.05)
    assert order == ["ACME"]
    resume.set()
    for thread in (limited, other):
        thread.join(5)
    assert sorted(order[1:]) == ["ACME", "OTHER"]


def test_a_ticker_that_stays_rate_limited_does_not_take_the_others_with_it(fake: FakeTime) -> None:
    shared = retrier(fake)
    with pytest.raises(RateLimitedError):
        shared.call("ACME", Vendor(*[RATE_LIMITED] * 9))
    assert shared.call("OTHER", Vendor()) == "prices"
    assert fake.pauses == [6.0, 12.0, 24.0, 24.0]


def test_a_vendor_that_rate_limits_every_ticker_is_left_alone(fake: FakeTime) -> None:
    shared, vendor = retrier(fake), Vendor(*[RATE_LIMITED] * 99)
    for ticker in ("A", "B", "C", "D", "E"):
        with pytest.raises(RateLimitedError):
            shared.call(ticker, vendor)
    assert vendor.calls == POLICY.attempts + 2


def test_a_pause_that_would_outlast_the_deadline_gives_up_instead(fake: FakeTime) -> None:
    policy = RetryPolicy(minutes=1, retry_seconds=61)
    with pytest.raises(GaveUpError, match="BANDCAST_INGEST_MINUTES"):
        retrier(fake, policy).call("ACME", Vendor(BROKEN))
    assert fake.pauses == []


def test_after_the_deadline_nothing_is_downloaded(fake: FakeTime) -> None:
    shared, vendor = retrier(fake), Vendor()
    fake.now = 3600.0
    with pytest.raises(GaveUpError):
        shared.call("ACME", vendor)
    assert vendor.calls == 0


def test_a_call_that_hangs_is_left_behind() -> None:
    never = threading.Event()
    with pytest.raises(VendorError, match="no answer within"):
        call_within(0.05, "ACME", never.wait)
    never.set()


def test_the_whole_run_is_bounded_whatever_hangs() -> None:
    never, start = threading.Event(), time.monotonic()
    shared = Retrier(RetryPolicy(minutes=0.3 / 60, retry_seconds=0, call_seconds=0.1))
    for ticker in ("A", "B", "C", "D"):
        with pytest.raises((VendorError, GaveUpError)):
            shared.call(ticker, never.wait)
    assert time.monotonic() - start < 2
    never.set()


def test_a_turn_that_does_not_come_in_time_is_given_up() -> None:
    never, begun = threading.Event(), threading.Event()
    shared = Retrier(RetryPolicy(minutes=0.2 / 60, retry_seconds=1))

    def hang() -> None:
        begun.set()
        never.wait()

    def hold() -> None:
        with suppress(VendorError, GaveUpError):
            shared.call("A", hang)

    holder = threading.Thread(target=hold)
    holder.start()
    assert begun.wait(5)
    with pytest.raises(GaveUpError):
        shared.call("B", Vendor())
    never.set()
    holder.join()


def test_requests_are_spread_over_time(fake: FakeTime) -> None:
    limiter = RateLimiter(50, clock=fake.clock, sleep=fake.sleep)
    for _ in range(6):
        limiter.wait()
    assert fake.now == pytest.approx(5 / 50)
