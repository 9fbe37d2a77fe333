"""The Prefect UI in Debian's chromium: a form with its fields, a run started there, and its artifacts."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import ArtifactSort
from served import AFTER_CLOSE, Served, eventually

CHROMIUM = shutil.which("chromium")
# A background connection would only be refused on a machine without internet.
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

if CHROMIUM is None:
    pytest.skip("chromium is not installed; .ci/run installs it", allow_module_level=True)

from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402  # not before chromium is known to be there

PATIENCE_MS = 60_000


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        opened = browser.new_page(viewport={"width": 1200, "height": 1600})
        opened.set_default_timeout(PATIENCE_MS)
        yield opened
        browser.close()


def ui(path: str) -> str:
    with get_client(sync_client=True) as client:
        return str(client.api_url).rstrip("/").removesuffix("/api") + path


def form(deployment: str) -> str:
    with get_client(sync_client=True) as client:
        return ui(f"/deployments/deployment/{client.read_deployment_by_name(deployment).id}/run")


def test_a_run_started_in_the_form_completes_and_shows_its_bands_and_fan_charts(
    served: Served, page: Page, tmp_path: Path
) -> None:
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
    ):
        expect(page.get_by_text(f"{field} (Optional)", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Sessions ahead, 1 to 30.")).to_be_visible()
    horizon = page.locator("input[type=number]").first
    expect(horizon).to_have_value("30")

    horizon.fill("31")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("31 is greater than the maximum of 30").first).to_be_visible(timeout=PATIENCE_MS)

    page.goto(form(AFTER_CLOSE))  # the message lies over the button for a while
    expect(horizon).to_have_value("30")
    horizon.fill("7")
    expect(horizon).to_have_value("7")
    page.get_by_role("button", name="Submit").click()
    run = eventually(submitted, "the run that was submitted in the form")
    done = served.finished(run)
    assert done.state is not None
    assert done.state.is_completed(), served.log

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
    page.screenshot(path=tmp_path / "gate.png")


def submitted() -> FlowRun | None:
    """The run of the form: other tests of this server run flows too, but of no deployment."""
    with get_client(sync_client=True) as client:
        runs = [one for one in client.read_flow_runs() if one.deployment_id is not None]
    return next((one for one in runs if one.parameters.get("horizon") == 7), None)


def newest(key: str) -> str:
    """The id of the newest artifact under a key."""
    with get_client(sync_client=True) as client:
        (found,) = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])),
            sort=ArtifactSort.CREATED_DESC,
            limit=1,
        )
    return str(found.id)
