"""Text from outside: the rule of symbols, and one way to clean every other text before it is shown or stored.

A vendor, a file, a variable or an error of a library may bring control characters, escape sequences of a
terminal, characters that hide or turn others round, forged lines, or a password.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from urllib.parse import quote

PRICE_DIGITS, PRICE_DECIMALS = 5, 2  # at least
LONGEST_TEXT = 2000  # characters of one sentence
NAMED = 5  # of many things in a sentence
SYMBOL_PATTERN = r"[A-Z0-9^][A-Z0-9.\-=^&]{0,31}"
MASK = "***"
SHORT_SECRET = 10  # characters: a shorter one may be a part of words

_SYMBOL = re.compile(SYMBOL_PATTERN)
_ESCAPE_SEQUENCE = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")
_USER_INFO = re.compile(r"(?<=://)[^\s:/@]*:\S*@")  # greedy: a password may hold an @ or a /
_PASSWORD_OPTION = re.compile(r"(?i)\b(\w*(?:passw(?:or)?d|pwd|passfile|token|secret|api_key))=[^\s&;'\"]+")


def format_price(price: float) -> str:
    """Format a price with five significant digits at least, and two decimals at least.

    >>> format_price(622_830.55), format_price(202.91), format_price(1.10345), format_price(0.00002)
    ('622,830.55', '202.91', '1.1035', '0.000020000')
    """
    magnitude = math.floor(math.log10(abs(price))) if price else 0
    return f"{price:,.{max(PRICE_DECIMALS, PRICE_DIGITS - 1 - magnitude)}f}"


def format_plain(value: float) -> str:
    """Format a number with ten significant digits at most, without an exponent and without zeros at the end.

    >>> format_plain(622_830.55), format_plain(200), format_plain(0.00002)
    ('622,830.55', '200', '0.00002')
    """
    text = f"{Decimal(f'{value:.10g}'):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_count(number: float, noun: str, plural: str = "") -> str:
    """Format a number of things, of which the noun names one.

    Args:
        number: How many; units such as minutes may be fractions.
        noun: What one of them is called, or a clause on one of them.
        plural: Of several; with an `s` at the end of the noun unless given.

    >>> format_count(1, "ticker"), format_count(1500, "new bar"), format_count(0.5, "minute")
    ('1 ticker', '1500 new bars', '0.5 minutes')
    >>> format_count(2, "band has closed", "bands have closed")
    '2 bands have closed'
    """
    return f"{number:.10g} {noun if number == 1 else plural or f'{noun}s'}"


def name_some(items: Sequence[object], most: int = NAMED, *, last: bool = False) -> str:
    """Name the first few of many things, or the last few in their order, and how many more there are.

    >>> name_some("ABCD", 3), name_some("ABCD", 3, last=True), name_some("AB", 3)
    ('A, B, C and 1 more', 'B, C, D and 1 more', 'A, B')
    """
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(map(str, items[-most:] if last else items[:most])) + more


def is_symbol(text: str) -> bool:
    """Return True if a text is the symbol of a ticker, such as `BRK-B`, `^GSPC`, `EURUSD=X` or `M&M.NS`."""
    return _SYMBOL.fullmatch(text) is not None


def clean_text(text: object, longest: int = LONGEST_TEXT) -> str:
    r"""Clean a text from outside: one line of visible characters, without passwords, of bounded length.

    Markup stays as it is: whoever renders a text escapes it.

    Args:
        text: Anything that can be converted to text.
        longest: Characters at most; a longer text loses its middle, since its end may state what to do.

    >>> clean_text("a\x1b[31m red\x1b[0m\nline\u202e")
    'a red line'
    >>> clean_text("see postgresql://me:s3c@ret@host/d?password=x")
    'see postgresql://***@host/d?password=***'
    """
    line = " ".join(keep_visible(str(text)).split())
    return shorten(mask_credentials(line), longest)


def keep_visible(text: str) -> str:
    r"""Return a text on one line, without what cannot be seen; spaces stay.

    >>> keep_visible("a   b\x1b[2J\nc")
    'a   b c'
    """
    if text.isprintable():  # nearly every text
        return text
    return "".join(map(_make_visible, _ESCAPE_SEQUENCE.sub("", text)))


def shorten(text: str, longest: int) -> str:
    """Leave out the middle of a text that is longer than so many characters.

    >>> shorten("abcdefghijklmnop", 11)
    'abc ... nop'
    """
    if len(text) <= longest:
        return text
    kept = (longest - len(" ... ")) // 2
    return f"{text[:kept]} ... {text[-kept:]}"


def mask_credentials(text: str) -> str:
    """Mask user and password of every URL in a text, and the values of options such as `password=`."""
    return _PASSWORD_OPTION.sub(rf"\1={MASK}", _USER_INFO.sub(f"{MASK}@", text))


def mask_secrets(text: str, secrets: Iterable[str]) -> str:
    """Mask secrets in a text, as they are and as they are written in a URL.

    A short one is masked only as a whole word: masking every `a` of a sentence would reveal it.

    >>> mask_secrets("a database of postgresql://me:a@host", ["a"])
    '*** database of postgresql://me:***@host'
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # one may be a part of another
        for written in map(re.escape, (secret, quote(secret, safe=""))):
            alone = rf"(?<!\w){written}(?!\w)" if len(secret) < SHORT_SECRET else written
            text = re.sub(alone, MASK, text)
    return text


def _make_visible(character: str) -> str:
    """Return a character if it can be seen, a space for any white space, and nothing for the others."""
    category = unicodedata.category(character)
    if character.isspace() or category in ("Zl", "Zp"):
        return " "
    return "" if category.startswith("C") else character
