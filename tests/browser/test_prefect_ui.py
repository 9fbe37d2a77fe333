"""The Prefect UI in Debian's chromium: a form with its fields, a run started there, and its artifacts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect_pages import CHROMIUM, PATIENCE_MS, explained, form, log_in, newest, open_page, submit, ui
from served import AFTER_CLOSE, AUTH_STRING, Served

if CHROMIUM is None:
    pytest.skip("chromium is not installed; .ci/run installs it", allow_module_level=True)


@pytest.fixture
def page() -> Iterator[Page]:
    with open_page() as opened:
        yield opened


def test_a_run_started_in_the_form_completes_and_shows_its_bands_and_fan_charts(
    served: Served, page: Page, tmp_path: Path
) -> None:
    with explained(page, tmp_path / "failed.png"):
        log_in(page, AUTH_STRING)
        refuse_a_horizon_of_31(page)
        run = start_with_a_horizon_of_7(page)
        done = served.finished(run)
        assert done.state is not None
        assert done.state.is_completed(), served.log
        show_what_was_made(page, run)


def refuse_a_horizon_of_31(page: Page) -> None:
    page.goto(form(AFTER_CLOSE))
    for field in (
        "tickers",
        "source",
        "csv_dir",
        "as_of",
        "horizon",
        "paths",
        "retrain",
        "catch_up",
        "force",
        "reissue",
    ):
        expect(page.get_by_text(f"{field} (Optional)", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Sessions ahead, 1 to 30.")).to_be_visible(timeout=PATIENCE_MS)
    fill_horizon(page, "31")
    assert not submit(page).ok
    expect(page.get_by_text("31 is greater than the maximum of 30").first).to_be_visible(timeout=PATIENCE_MS)


def start_with_a_horizon_of_7(page: Page) -> FlowRun:
    page.goto(form(AFTER_CLOSE))  # the message lies over the button for a while
    fill_horizon(page, "7")
    answer = submit(page)
    assert answer.ok, answer.text()
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(answer.json()["id"])
        assert run.deployment_id == client.read_deployment_by_name(AFTER_CLOSE).id
    assert run.parameters["horizon"] == 7
    return run


def show_what_was_made(page: Page, run: FlowRun) -> None:
    page.goto(ui(f"/runs/flow-run/{run.id}"))
    expect(page.get_by_text("daily-2013-03-01").first).to_be_visible(timeout=PATIENCE_MS)
    page.goto(ui(f"/artifacts/artifact/{newest('bands')}"))
    expect(page.get_by_text("2013-03-04").first).to_be_visible(timeout=PATIENCE_MS)
    page.goto(ui(f"/artifacts/artifact/{newest('fan-aapl')}"))
    picture = page.get_by_alt_text("Closes and forecast bands of AAPL")
    expect(picture).to_be_visible(timeout=PATIENCE_MS)
    assert picture.evaluate("image => image.naturalWidth") > 400
    for key in ("calibration", "gate"):
        page.goto(ui(f"/artifacts/artifact/{newest(key)}"))
        expect(page.locator("h1").first).to_be_visible(timeout=PATIENCE_MS)


def fill_horizon(page: Page, sessions: str) -> None:
    horizon = page.locator("input[type=number]").first
    expect(horizon).to_have_value("30", timeout=PATIENCE_MS)
    horizon.fill(sessions)
    expect(horizon).to_have_value(sessions, timeout=PATIENCE_MS)
