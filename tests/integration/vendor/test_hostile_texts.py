"""A vendor that sends markup, escape sequences and forged lines as its texts: none of it reaches anybody."""

import json
from datetime import date, timedelta

import pytest
from flow_runs import complete
from reading_store import dump
from typer.testing import CliRunner
from yahoo_imitation import Listing, Yahoo

from flows.cli import app
from flows.ingest import ingest
from forecasting.calendars.sessions import sessions_between

pytestmark = pytest.mark.usefixtures("prefect_url")

LAST = date(2024, 6, 7)
HOSTILE = "[link=https://evil.example]US[/link][/]\x1b[31mD\nError: forged\u202e\x00"
HEALTHY, HOSTILE_FACTS, HOSTILE_SYMBOL = "M&M.NS", "AAPL", "MSFT"


@pytest.fixture(autouse=True)
def listings(yahoo: Yahoo) -> None:
    days = {ticker: "XBOM" if ticker == HEALTHY else "XNYS" for ticker in (HEALTHY, HOSTILE_FACTS)}
    for ticker, calendar in {**days, HOSTILE_SYMBOL: "XNYS"}.items():
        sessions = sessions_between(calendar, LAST - timedelta(days=390), LAST)
        closes = {session: 100 + 0.01 * index for index, session in enumerate(sessions)}
        yahoo.listings[ticker] = Listing(dict(closes))
    yahoo.listings[HEALTHY].zone = "Asia/Kolkata"
    yahoo.listings[HOSTILE_FACTS].currency = HOSTILE
    yahoo.listings[HOSTILE_SYMBOL].meta_changes = {"symbol": HOSTILE * 20}


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_markup_and_controls_are_neither_stored_nor_shown(capfd: pytest.CaptureFixture[str]) -> None:
    tickers = [HEALTHY, HOSTILE_FACTS, HOSTILE_SYMBOL]
    summary = complete(ingest, tickers=tickers, as_of=LAST).plain()
    assert summary["tickers"] == [HEALTHY, HOSTILE_FACTS]
    assert list(summary["quarantined"]) == [HOSTILE_SYMBOL]
    assert "found prices of [link=https://evil.example]US[/link][/]D Error: forged[link" in str(summary)

    shown = [invoke("prices", "status"), invoke("prices", "show", HOSTILE_FACTS), *capfd.readouterr()]
    assert "AAPL as traded [link=https://evi ... /]D Error: forged EQUITY" in shown[1]
    stored = [value for rows in dump().values() for row in rows for value in row if isinstance(value, str)]
    assert any("forged" in text for text in stored)
    lines = [line for text in (*shown, json.dumps(summary), *stored) for line in text.splitlines()]
    assert not any(line.lstrip().startswith("Error: forged") for line in lines)
    assert not any(mark in line for line in lines for mark in ("\x1b[31m", "\u202e", "\x00"))
