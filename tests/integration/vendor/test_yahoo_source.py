"""The real yfinance client over loopback HTTP."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from yahoo_imitation import EMPTY, RESET, SERVER_ERROR, TOO_MANY, TRUNCATED, Answer, Listing, Yahoo, serve

from flows.sources import YahooSource
from forecasting.errors import (
    PriceJumpError,
    RateLimitedError,
    ShortHistoryError,
    UnknownTickerError,
    VendorError,
)
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import InstrumentFacts, PriceHistory

MON, TUE, WED, THU = (date(2024, 6, day) for day in (3, 4, 5, 6))
CLOSES: dict[date, float | None] = {MON: 10.0, TUE: 11.0, WED: 12.0, THU: 13.0}


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("yfinance") / "cache"  # yfinance keeps the first one of a process


@pytest.fixture
def yahoo() -> Iterator[Yahoo]:
    with serve() as server:
        yield server


@pytest.fixture
def source(yahoo: Yahoo, cache_dir: Path) -> YahooSource:
    return YahooSource(yahoo.url, cache_dir, per_second=10_000)


def closes(history: PriceHistory) -> dict[date, float]:
    return {stamp.date(): close for stamp, close in history.bars["close"].items()}


def test_bars_up_to_end_arrive(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["OK"] = Listing(CLOSES)
    history = source.fetch("OK", None, WED)
    assert closes(history) == {MON: 10.0, TUE: 11.0, WED: 12.0}
    assert history.actions.empty


def test_start_is_the_first_session_returned(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["OK"] = Listing(CLOSES)
    assert closes(source.fetch("OK", TUE, WED)) == {TUE: 11.0, WED: 12.0}


def test_the_cache_folder_is_private(yahoo: Yahoo, source: YahooSource, cache_dir: Path) -> None:
    yahoo.listings["OK"] = Listing(CLOSES)
    source.fetch("OK", None, WED)
    assert cache_dir.stat().st_mode & 0o777 == 0o700


def test_a_split_and_the_dividend_before_it_become_as_traded(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["SPLIT"] = Listing(CLOSES, dividends={TUE: 0.25}, splits={WED: 4.0})
    history = source.fetch("SPLIT", None, THU)
    assert closes(history) == {MON: 40.0, TUE: 44.0, WED: 12.0, THU: 13.0}
    assert history.bars["volume"].tolist() == [250.0, 250.0, 1000.0, 1000.0]
    assert history.actions["dividend"].tolist() == [1.0, 0.0]
    assert history.actions["split"].tolist() == [1.0, 4.0]


def test_a_split_after_end_is_undone_all_the_same(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["LATER"] = Listing(CLOSES, splits={THU: 2.0})
    history = source.fetch("LATER", None, WED)
    assert closes(history) == {MON: 20.0, TUE: 22.0, WED: 24.0}
    assert adjust(history, WED, "split_adjusted")["close"].tolist() == [20.0, 22.0, 24.0]


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Pacific/Auckland", "Europe/London", "UTC"])
def test_the_date_is_the_one_of_the_exchange(yahoo: Yahoo, source: YahooSource, zone: str) -> None:
    symbol = f"ZONE-{zone[:2].upper()}"
    yahoo.listings[symbol] = Listing(CLOSES, zone=zone)
    assert list(closes(source.fetch(symbol, None, THU))) == [MON, TUE, WED, THU]


def test_a_blank_last_close_is_not_final(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["BLANK"] = Listing(CLOSES | {THU: None}, opens=CLOSES)
    assert source.fetch("BLANK", None, THU).last_session == WED


def test_a_blank_close_inside_is_no_bar_either(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["HOLE"] = Listing(CLOSES | {TUE: None}, opens=CLOSES)
    assert list(closes(source.fetch("HOLE", None, THU))) == [MON, WED, THU]


def test_a_row_that_repeats_the_day_before_is_not_final(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["FROZEN"] = Listing(CLOSES | {THU: 12.0})
    assert source.fetch("FROZEN", None, THU).last_session == WED
    yahoo.listings["FLAT"] = Listing(CLOSES | {THU: 12.0}, volumes={THU: 900})
    assert source.fetch("FLAT", None, THU).last_session == THU


def test_a_last_row_listed_twice_is_one_bar(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["TWICE"] = Listing(CLOSES, repeats_last=True)
    assert list(closes(source.fetch("TWICE", None, THU))) == [MON, TUE, WED, THU]


def test_a_split_on_a_day_without_a_bar_keeps_its_day(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["HOLEY"] = Listing({MON: 10.0, TUE: 11.0, THU: 13.0}, splits={WED: 4.0})
    history = source.fetch("HOLEY", None, THU)
    assert closes(history) == {MON: 40.0, TUE: 44.0, THU: 13.0}
    assert [day.date() for day in history.actions.index] == [WED]


def test_a_split_announced_for_tomorrow_is_not_in_the_prices_yet(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["SOON"] = Listing({MON: 10.0, TUE: 11.0}, splits={WED: 4.0})
    assert closes(source.fetch("SOON", None, TUE)) == {MON: 10.0, TUE: 11.0}


def test_currency_kind_and_zone_come_along(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["7203.T"] = Listing(CLOSES, zone="Asia/Tokyo", currency="JPY")
    assert source.fetch("7203.T", None, THU).facts == InstrumentFacts("JPY", "EQUITY", "Asia/Tokyo")


def test_a_partial_row_after_end_is_cut(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["PARTIAL"] = Listing(CLOSES | {THU: None})
    assert source.fetch("PARTIAL", None, WED).last_session == WED


def test_a_dividend_without_a_bar_is_no_bar(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["AHEAD"] = Listing({MON: 10.0, TUE: 11.0}, dividends={WED: 0.5})
    history = source.fetch("AHEAD", None, WED)
    assert history.last_session == TUE
    assert history.actions.empty


def test_an_impossible_price_is_refused(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["GLITCH"] = Listing(CLOSES | {WED: 1200.0})
    with pytest.raises(PriceJumpError, match="fifty-fold"):
        source.fetch("GLITCH", None, THU)


@pytest.mark.parametrize("known", [True, False])
def test_an_unknown_symbol_is_no_fault_of_the_vendor(yahoo: Yahoo, source: YahooSource, known: bool) -> None:
    if known:  # its time zone is then cached, and yfinance fails at another place
        yahoo.listings["GONE"] = Listing(CLOSES)
        source.fetch("GONE", None, THU)
        del yahoo.listings["GONE"]
    with pytest.raises(UnknownTickerError) as caught:
        source.fetch("GONE" if known else "NEVER", None, THU)
    assert not isinstance(caught.value, VendorError)  # what is retried


def test_prices_that_begin_after_the_session_are_no_misspelt_symbol(
    yahoo: Yahoo, source: YahooSource
) -> None:
    yahoo.listings["YOUNG"] = Listing({THU: 1.0})
    with pytest.raises(ShortHistoryError, match=f"since its prices begin at {THU}"):
        source.fetch("YOUNG", None, WED)


def test_an_empty_answer_is_no_fault_of_the_symbol(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["EMPTY"] = Listing({THU: 1.0})
    with pytest.raises(VendorError):
        source.fetch("EMPTY", date(2024, 7, 1), date(2024, 7, 2))


def test_prices_of_another_symbol_or_interval_are_refused(yahoo: Yahoo, source: YahooSource) -> None:
    for meta, found in ({"symbol": "OTHER"}, "prices of OTHER"), ({"dataGranularity": "1wk"}, "bars of 1wk"):
        yahoo.listings["MINE"] = Listing(CLOSES, meta_changes=meta)
        with pytest.raises(VendorError, match=found):
            source.fetch("MINE", None, THU)


@pytest.mark.parametrize(
    ("fault", "error", "found"),
    [
        (TOO_MANY, RateLimitedError, "429"),
        (SERVER_ERROR, VendorError, "HTTP status 500"),
        ((503, b""), VendorError, "HTTP status 503"),
        (
            (401, b'{"chart": {"result": null, "error": {"description": "Invalid Crumb"}}}'),
            VendorError,
            "401",
        ),
        ((200, b"<html>Will be back</html>"), VendorError, "JSON"),
        ((200, b'{"chart": {'), VendorError, "JSON"),
        ((200, b'{"chart": {"result": [{"meta": {}}], "error": null}}'), VendorError, "KeyError"),
        ((404, b"<html>Not Found</html>"), VendorError, "JSON"),
        (EMPTY, VendorError, "possibly delisted|IndexError"),
        (TRUNCATED, VendorError, "found"),
        (RESET, VendorError, "found"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_fault_of_the_vendor_can_be_retried(
    yahoo: Yahoo,
    source: YahooSource,
    known: bool,
    fault: Answer | str,
    error: type[VendorError],
    found: str,
) -> None:
    symbol = f"F{fault[0]}-{len(fault[1])}-{known}".upper()  # for trouble below HTTP, two of its letters
    yahoo.listings[symbol] = Listing(CLOSES)
    if known:
        source.fetch(symbol, None, THU)
    yahoo.faults[symbol] = fault
    with pytest.raises(error, match=found):
        source.fetch(symbol, None, THU)
    yahoo.faults.clear()
    assert source.fetch(symbol, None, THU).last_session == THU


def test_a_refused_connection_can_be_retried(cache_dir: Path) -> None:
    nobody = YahooSource("http://127.0.0.1:9", cache_dir, per_second=10_000)
    with pytest.raises(VendorError, match="ConnectionError"):
        nobody.fetch("OK", None, THU)


@pytest.mark.parametrize("symbol", ["../../etc/passwd", "aapl", "A/B", "", "A" * 33, "A?x=1", "A\n"])
def test_what_is_no_symbol_makes_no_request(yahoo: Yahoo, source: YahooSource, symbol: str) -> None:
    with pytest.raises(UnknownTickerError):
        source.fetch(symbol, None, THU)
    assert yahoo.requests == []


def test_yahoo_is_live(source: YahooSource) -> None:
    assert source.live
    assert source.last_session(("AAPL",)) is None
    assert source.tickers() == ()


def test_a_volume_of_null_is_unknown_and_one_of_zero_is_zero(yahoo: Yahoo, source: YahooSource) -> None:
    yahoo.listings["NULL"] = Listing(CLOSES, volumes={MON: 10.0, WED: 0.0, THU: None})
    volume = source.fetch("NULL", None, THU).bars["volume"]
    assert volume.tolist() == pytest.approx([10.0, 1000.0, 0.0, float("nan")], nan_ok=True)
