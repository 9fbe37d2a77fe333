"""Texts from outside are reduced to visible characters on one line of bounded length."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import errors
from forecasting.prices.history import InstrumentFacts
from forecasting.text import LONGEST_TEXT, clean_text, mask_credentials, mask_secrets, shorten

HIDDEN = "\u200b\u200e\u202e\u2066\ufeff\u00ad\x00\x07\x08\x7f\x85\ud800"


@given(st.text(st.characters()), st.integers(20, 300))
def test_a_cleaned_text_is_one_visible_line_of_bounded_length(text: str, longest: int) -> None:
    cleaned = clean_text(text, longest)
    assert cleaned.isprintable()
    assert len(cleaned) <= longest
    cleaned.encode()  # lone surrogates would end a log or a database


@given(st.text(st.characters()))
def test_cleaning_again_changes_nothing(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("M\u00fcnchen, \u6771\u4eac", "M\u00fcnchen, \u6771\u4eac"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil.example\x07link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("first\nError: forged\r\nsecond\u2028third", "first Error: forged second third"),
        (f"a{HIDDEN}b", "a b"),
        ("[link=https://evil.example]x[/link] <b>|`", "[link=https://evil.example]x[/link] <b>|`"),
        (None, "None"),
    ],
)
def test_what_is_left_of_a_text(text: object, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    sentence = "Expected prices, found " + "x" * 10_000 + "; run again later."
    cleaned = clean_text(sentence)
    assert len(cleaned) <= LONGEST_TEXT
    assert cleaned.startswith("Expected prices, found x")
    assert cleaned.endswith("x; run again later.")
    assert shorten("abc", 3) == "abc"


@pytest.mark.parametrize(
    "secret",
    [
        "postgresql://me:s3cret@host/d",
        "postgresql+psycopg://me:a@s3cret@host/d",
        "http://me:a/s3cret@host:80/api",
        "postgresql://me@host/d?password=s3cret&sslmode=require",
        "sslpassword=s3cret",
        "PGPASSWORD=s3cret",
        "access_token=s3cret",
    ],
)
def test_passwords_in_the_shape_of_urls_and_options_are_masked(secret: str) -> None:
    masked = mask_credentials(f"tried {secret} now")
    assert "s3cret" not in masked
    assert masked.startswith("tried ")
    assert masked.endswith(" now")


def test_a_url_without_a_password_stays() -> None:
    for text in ("postgresql://user@host/name", "sqlite:////home/me/b.db", "http://127.0.0.1:4200/api"):
        assert mask_credentials(text) == text


def test_known_secrets_are_masked_as_they_are_and_as_a_url_writes_them() -> None:
    masked = mask_secrets("p@ss/word, p%40ss%2Fword and p@ss", ["p@ss", "p@ss/word", ""])
    assert masked == "***, *** and ***"


@pytest.mark.parametrize(
    "error",
    [
        errors.VendorError("AAPL", "HTTP \x1b[31m500\nError: forged"),
        errors.BadBarsError("AAPL", "numbers", "'\u202e1\x00' in line 2"),
        errors.GapError("AAPL", [date(2024, 6, 3)]),
        errors.SourceError("Expected a folder, found none in a\nb"),
        errors.DatabaseUnreachableError("sqlite:///x\x1b[2J", "'\x07'"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_is_one_visible_line(error: errors.BandcastError) -> None:
    assert str(error).isprintable()


def test_what_a_source_reports_of_an_instrument_is_cleaned_and_bounded() -> None:
    facts = InstrumentFacts("[link=x]\x1b[31mUSD\nforged", "EQUITY" * 100, None)
    assert facts.currency == "[link=x]USD forged"
    assert facts.kind is not None
    assert len(facts.kind) <= 40
    assert facts.zone is None
