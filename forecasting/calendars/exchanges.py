"""Exchange calendars by Yahoo-style symbol."""

import re

from forecasting.errors import UnknownExchangeError

HOME = "XNYS"
ALWAYS_OPEN = "24/7"
WEEKDAYS = "24/5"
FUTURES = "CMES"

# Tel Aviv (.TA) is missing: exchange_calendars 4.13.2 cannot build XTAE on pandas 3.
SUFFIXES = {
    "AS": "XAMS", "AX": "XASX", "BA": "XBUE", "BD": "XBUD", "BK": "XBKK", "BO": "XBOM", "BR": "XBRU",
    "CO": "XCSE", "DE": "XETR", "DU": "XDUS", "F": "XFRA", "HE": "XHEL", "HK": "XHKG", "HM": "XHAM",
    "IC": "XICE", "IR": "XDUB", "IS": "XIST", "JK": "XIDX", "JO": "XJSE", "KL": "XKLS", "KQ": "XKRX",
    "KS": "XKRX", "L": "XLON", "LS": "XLIS", "MC": "XMAD", "MI": "XMIL", "MX": "XMEX", "NS": "XBOM",
    "NZ": "XNZE", "OL": "XOSL", "PA": "XPAR", "PR": "XPRA", "PS": "XPHS", "RG": "XRIS", "SA": "BVMF",
    "SG": "XSTU", "SI": "XSES", "SN": "XSGO", "SR": "XSAU", "SS": "XSHG", "ST": "XSTO", "SW": "XSWX",
    "SZ": "XSHG", "T": "XTKS", "TL": "XTAL", "TO": "XTSE", "TW": "XTAI", "TWO": "XTAI",
    "V": "XTSX", "VI": "XWBO", "VS": "XLIT", "WA": "XWAR",
}  # fmt: skip

INDICES = {
    "^AEX": "XAMS", "^AORD": "XASX", "^AXJO": "XASX", "^BFX": "XBRU", "^BSESN": "XBOM", "^BVSP": "BVMF",
    "^FCHI": "XPAR", "^FTMC": "XLON", "^FTSE": "XLON", "^GDAXI": "XETR", "^GSPTSE": "XTSE", "^HSI": "XHKG",
    "^IBEX": "XMAD", "^JKSE": "XIDX", "^KLSE": "XKLS", "^KQ11": "XKRX", "^KS11": "XKRX", "^MXX": "XMEX",
    "^N225": "XTKS", "^NSEI": "XBOM", "^NZ50": "XNZE", "^OMX": "XSTO", "^SSMI": "XSWX", "^STI": "XSES",
    "^STOXX50E": "XETR", "^TWII": "XTAI",
}  # fmt: skip

# A dash before a currency is a crypto pair; before a letter (BRK-B) it is a share class.
_CRYPTO = re.compile(r"-(USD|EUR|GBP|JPY|AUD|CAD|CHF|CNY|INR|KRW|BTC|ETH|USDT|USDC)$")


def calendar_name(ticker: str) -> str:
    """Return the exchange_calendars name for a symbol as Yahoo writes it.

    >>> [calendar_name(ticker) for ticker in ("AAPL", "BRK-B", "^GSPC", "7203.T", "BTC-USD", "EURUSD=X")]
    ['XNYS', 'XNYS', 'XNYS', 'XTKS', '24/7', '24/5']

    Raises:
        UnknownExchangeError: The suffix belongs to no exchange that is known here.
    """
    if ticker.startswith("^"):
        return INDICES.get(ticker, HOME)
    if _CRYPTO.search(ticker):
        return ALWAYS_OPEN
    if "=" in ticker:
        return WEEKDAYS if ticker.endswith("=X") else FUTURES
    return _calendar_of_suffix(ticker) if "." in ticker else HOME


def _calendar_of_suffix(ticker: str) -> str:
    suffix = ticker.rpartition(".")[2]
    if suffix not in SUFFIXES:
        raise UnknownExchangeError(ticker, suffix)
    return SUFFIXES[suffix]
