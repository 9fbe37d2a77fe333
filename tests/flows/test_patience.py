"""How a run asks a vendor that fails: every wait is bounded, and a rate limit is everybody's."""

import threading
import time
from contextlib import suppress

import pytest

from flows.sources import retry as patience
from flows.sources.retry import ATTEMPTS, REFUSAL_FACTOR, Limits, Patience, within
from forecasting.errors import GaveUpError, RateLimitedError, UnknownTickerError, VendorError

BROKEN, REFUSED = VendorError("ACME", "a broken answer"), RateLimitedError("ACME")


class Vendor:
    """Fails as told, then answers."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.faults:
            raise self.faults.pop(0)
        return "prices"


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that would have been made, without their jitter."""
    slept: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", slept.append)
    monkeypatch.setattr(patience.random, "uniform", lambda *bounds: bounds[0])
    return slept


def patient(retry_seconds: float = 1.0, minutes: float = 60.0, call_seconds: float = 5.0) -> Patience:
    return Patience(Limits(minutes, retry_seconds, call_seconds))


def test_a_broken_answer_is_asked_for_again_after_pauses_that_double(naps: list[float]) -> None:
    vendor = Vendor(BROKEN, BROKEN, BROKEN)
    assert patient().ask("ACME", vendor) == "prices"
    assert naps == [1.0, 2.0, 4.0]


def test_after_the_last_attempt_the_error_is_the_vendors(naps: list[float]) -> None:
    vendor = Vendor(*[BROKEN] * 9)
    with pytest.raises(VendorError, match="a broken answer"):
        patient().ask("ACME", vendor)
    assert vendor.asked == ATTEMPTS


def test_what_no_retry_can_mend_is_asked_for_once(naps: list[float]) -> None:
    vendor = Vendor(UnknownTickerError("ACME", "Yahoo"))
    with pytest.raises(UnknownTickerError):
        patient().ask("ACME", vendor)
    assert (vendor.asked, naps) == (1, [])


def test_the_jitter_only_lengthens_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", slept.append)
    patient().ask("ACME", Vendor(BROKEN))
    assert 1.0 <= slept[0] <= 1.5


def test_a_rate_limit_pauses_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, float]] = []
    shared, first = patient(retry_seconds=0.3 / REFUSAL_FACTOR), threading.Event()
    refusals = [REFUSED]

    def download(name: str) -> None:
        asked.append((name, time.monotonic()))
        first.set()
        if refusals:
            raise refusals.pop()

    refused = threading.Thread(target=shared.ask, args=("ACME", lambda: download("ACME")))
    refused.start()
    assert first.wait(5)
    shared.ask("OTHER", lambda: download("OTHER"))
    refused.join()
    (_, start), (_, second), _ = asked
    assert second - start >= 0.3


def test_a_ticker_that_is_refused_for_good_does_not_take_the_others_with_it(naps: list[float]) -> None:
    shared = patient()
    with pytest.raises(RateLimitedError):
        shared.ask("ACME", Vendor(*[REFUSED] * 9))
    assert shared.ask("OTHER", Vendor()) == "prices"
    assert naps == [6.0, 12.0, 24.0, 24.0]


def test_a_vendor_that_refuses_everybody_is_left_alone(naps: list[float]) -> None:
    shared, vendor = patient(), Vendor(*[REFUSED] * 99)
    for ticker in ("A", "B", "C", "D", "E"):
        with pytest.raises(RateLimitedError):
            shared.ask(ticker, vendor)
    assert vendor.asked == ATTEMPTS + 2


def test_a_pause_that_would_outlast_the_run_gives_up_instead(naps: list[float]) -> None:
    with pytest.raises(GaveUpError, match="BANDCAST_INGEST_MINUTES"):
        patient(retry_seconds=61, minutes=1).ask("ACME", Vendor(BROKEN))
    assert naps == []


def test_a_call_that_hangs_is_left_behind() -> None:
    never = threading.Event()
    with pytest.raises(VendorError, match="no answer within"):
        within(0.05, "ACME", never.wait)
    never.set()


def test_the_whole_run_is_bounded_whatever_hangs() -> None:
    never, start = threading.Event(), time.monotonic()
    shared = patient(retry_seconds=0.0, minutes=0.3 / 60, call_seconds=0.1)
    for ticker in ("A", "B", "C", "D"):
        with pytest.raises((VendorError, GaveUpError)):
            shared.ask(ticker, never.wait)
    assert time.monotonic() - start < 2
    never.set()


def test_a_turn_that_does_not_come_in_time_is_given_up() -> None:
    never = threading.Event()
    shared = patient(minutes=0.2 / 60)

    def hold() -> None:
        with suppress(VendorError, GaveUpError):
            shared.ask("A", never.wait)

    holder = threading.Thread(target=hold)
    holder.start()
    time.sleep(0.05)
    with pytest.raises(GaveUpError):
        shared.ask("B", Vendor())
    never.set()
    holder.join()
