"""Exchange calendars by Yahoo-style symbol."""

import re
from collections.abc import Iterator

from forecasting.errors import UnknownExchangeError, UsageError

HOME = "XNYS"
HOME_ZONE = "America/New_York"
ALWAYS_OPEN = "24/7"
WEEKDAYS = "24/5"
FUTURES = "CMES"
PLACELESS = (ALWAYS_OPEN, WEEKDAYS, FUTURES)  # no exchange's own: any time zone of the source fits

# Missing, because exchange_calendars 4.13.2 cannot build them on pandas 3: Tel Aviv (.TA) and Athens (.AT).
SUFFIXES = {
    "AQ": "XLON", "AS": "XAMS", "AX": "XASX", "BA": "XBUE", "BD": "XBUD", "BE": "XFRA", "BK": "XBKK",
    "BO": "XBOM", "BR": "XBRU", "CL": "XBOG", "CN": "XTSE", "CO": "XCSE", "DE": "XETR", "DU": "XDUS",
    "F": "XFRA", "HA": "XFRA", "HE": "XHEL", "HK": "XHKG", "HM": "XHAM", "IC": "XICE", "IL": "XLON",
    "IR": "XDUB", "IS": "XIST", "JK": "XIDX", "JO": "XJSE", "KL": "XKLS", "KQ": "XKRX", "KS": "XKRX",
    "L": "XLON", "LS": "XLIS", "MC": "XMAD", "ME": "XMOS", "MI": "XMIL", "MU": "XFRA", "MX": "XMEX",
    "NE": "XTSE", "NS": "XBOM", "NZ": "XNZE", "OL": "XOSL", "PA": "XPAR", "PR": "XPRA", "PS": "XPHS",
    "RG": "XRIS", "SA": "BVMF", "SG": "XSTU", "SI": "XSES", "SN": "XSGO", "SR": "XSAU", "SS": "XSHG",
    "ST": "XSTO", "SW": "XSWX", "SZ": "XSHG", "T": "XTKS", "TI": "XMIL", "TL": "XTAL", "TO": "XTSE",
    "TW": "XTAI", "TWO": "XTAI", "V": "XTSE", "VI": "XWBO", "VS": "XLIT", "WA": "XWAR", "XA": "XASX",
}  # fmt: skip

_INDICES = {
    "BVMF": "^BVSP ^IBX50",
    "XAMS": "^AEX ^AMX",
    "XASX": "^AFLI ^AORD ^ATLI ^ATOI ^AXJO ^AXKO",
    "XBOM": "^BSESN ^CNX100 ^CNX200 ^CNXAUTO ^CNXENERGY ^CNXFIN ^CNXFMCG ^CNXINFRA ^CNXIT ^CNXMEDIA "
    "^CNXMETAL ^CNXPHARMA ^CNXPSUBANK ^CNXREALTY ^CRSLDX ^INDIAVIX ^NSEBANK ^NSEI ^NSEMDCP50 ^NSMIDCP",
    "XBRU": "^BFX",
    "XBUE": "^MERV",
    "XCSE": "^OMXC20 ^OMXC25",
    "XDUB": "^ISEQ",
    "XETR": "^GDAXI ^MDAXI ^SDAXI ^STOXX ^STOXX50E ^TECDAX",
    "XHEL": "^OMXH25 ^OMXHPI",
    "XHKG": "^HSCE ^HSI ^VHSI",
    "XIDX": "^JKLQ45 ^JKSE",
    "XKLS": "^KLSE",
    "XKRX": "^KQ11 ^KS11 ^KS200",
    "XLON": "^FTAI ^FTAS ^FTLC ^FTMC ^FTSC ^FTSE",
    "XMAD": "^IBEX ^SMSI",
    "XMEX": "^MXX",
    "XNYS": "^BKX ^BXM ^DJA ^DJI ^DJT ^DJU ^FVX ^GSPC ^GVZ ^HUI ^IRX ^IXIC ^KRX ^MID ^NBI ^NDX ^NDXT ^NYA "
    "^NYFANG ^OEX ^OSX ^OVX ^PUT ^RUA ^RUI ^RUT ^RVX ^SKEW ^SOX ^SP500TR ^SP600 ^SPX ^TNX ^TYX ^VIX ^VIX3M "
    "^VIX6M ^VIX9D ^VVIX ^VXD ^VXN ^W5000 ^XAU ^XAX ^XMI ^XOI",
    "XNZE": "^NZ50",
    "XOSL": "^OSEAX",
    "XPAR": "^FCHI ^N100 ^N150 ^SBF120",
    "XSES": "^STI",
    "XSGO": "^IPSA",
    "XSTO": "^OMX ^OMXS30 ^OMXSPI",
    "XSWX": "^SSHI ^SSMI",
    "XTAI": "^TWII ^TWOII",
    "XTKS": "^N225 ^N300 ^TOPX",
    "XTSE": "^GSPTSE ^TX60",
    "XWBO": "^ATX",
}
INDICES = {index: calendar for calendar, indices in _INDICES.items() for index in indices.split()}

# A dash before a currency is a crypto pair; before a letter (BRK-B) it is a share class.
_CRYPTO = re.compile(r"-(USD|EUR|GBP|JPY|AUD|CAD|CHF|CNY|INR|KRW|BTC|ETH|USDT|USDC)$")


def calendar_name(ticker: str) -> str:
    """Return the exchange_calendars name for a symbol as Yahoo writes it.

    >>> [calendar_name(ticker) for ticker in ("AAPL", "BRK-B", "^GSPC", "7203.T", "BTC-USD", "EURUSD=X")]
    ['XNYS', 'XNYS', 'XNYS', 'XTKS', '24/7', '24/5']

    Raises:
        UnknownExchangeError: The suffix belongs to no exchange that is known here, or the index does not.
    """
    if is_unplaced(ticker):
        raise UnknownExchangeError(
            ticker,
            "an index of `bandcast exchanges`",
            "another one",
            f"name its calendar, as in BANDCAST_CALENDARS={ticker}:{HOME}",
        )
    if ticker in INDICES:
        return INDICES[ticker]
    if _CRYPTO.search(ticker):
        return ALWAYS_OPEN
    if "=" in ticker:
        return WEEKDAYS if ticker.endswith("=X") else FUTURES
    return _calendar_of_suffix(ticker) if "." in ticker else HOME


def is_unplaced(ticker: str) -> bool:
    """Return whether a symbol is an index that neither the list nor a suffix gives an exchange."""
    return ticker.startswith("^") and ticker not in INDICES and "." not in ticker


def list_calendar_names() -> set[str]:
    """Return the name of every calendar that a symbol can follow."""
    return {*SUFFIXES.values(), *INDICES.values(), *PLACELESS, HOME}


def find_calendar_name(exchange: str) -> str:
    """Return the calendar of that name, or of that suffix of symbols.

    >>> [find_calendar_name(exchange) for exchange in ("XTKS", ".T", "l", "24/7")]
    ['XTKS', 'XTKS', 'XLON', '24/7']

    Raises:
        UsageError: There is none.
    """
    name = exchange.strip().upper()
    if name in list_calendar_names():
        return name
    if (suffix := name.removeprefix(".")) in SUFFIXES:
        return SUFFIXES[suffix]
    raise UsageError(
        f"Expected a calendar or suffix of `bandcast exchanges`, such as XTKS or .T, found '{exchange}'; "
        "choose one of them."
    )


def list_exchanges() -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each calendar, by name, with its suffixes and its indices as Yahoo writes them."""
    for calendar in sorted({*SUFFIXES.values(), *INDICES.values()}):
        suffixes = [f".{suffix}" for suffix, name in SUFFIXES.items() if name == calendar]
        yield calendar, suffixes, sorted(index for index, name in INDICES.items() if name == calendar)


def _calendar_of_suffix(ticker: str) -> str:
    suffix = ticker.rpartition(".")[2]
    if suffix not in SUFFIXES:
        raise UnknownExchangeError(
            ticker,
            "an exchange suffix such as .T or .L",
            f"'.{suffix}'",
            f"a share class is written with a dash, as in BRK-B, and BANDCAST_CALENDARS={ticker}:XPAR "
            "names the calendar of another exchange",
        )
    return SUFFIXES[suffix]
