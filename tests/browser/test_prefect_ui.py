"""The Prefect UI in Debian's chromium: a form with its fields, a run started there, and its artifacts."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import ArtifactSort
from served import AFTER_CLOSE, AUTH_STRING, Served

CHROMIUM = shutil.which("chromium")
# A background connection would only be refused on a machine without internet.
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

if CHROMIUM is None:
    pytest.skip("chromium is not installed; .ci/run installs it", allow_module_level=True)

from playwright.sync_api import (  # noqa: E402  # not before chromium is known to be there
    Error,
    Page,
    Response,
    expect,
    sync_playwright,
)

PATIENCE_MS = 60_000
BUSY, PRESSES = 503, 10


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
    with explained(page, tmp_path / "failed.png"):
        log_in(page)
        refuse_a_horizon_of_31(page)
        run = start_with_a_horizon_of_7(page)
        done = served.finished(run)
        assert done.state is not None
        assert done.state.is_completed(), served.log
        show_what_was_made(page, run)


def log_in(page: Page) -> None:
    page.goto(ui("/deployments"))
    field = page.get_by_placeholder("admin:pass")
    field.fill(AUTH_STRING)
    page.get_by_role("button", name="Login").click()
    expect(field).not_to_be_visible(timeout=PATIENCE_MS)


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


def submit(page: Page) -> Response:
    """The server's answer to the form; press again, as a person would, while it is busy.

    It answers 503 when another of its connections has just written to its SQLite file. Prefect's client asks
    again by itself, its pages show a message and leave that to the person.
    """
    for _ in range(PRESSES):
        with page.expect_response(_ends_a_press) as answer:
            page.get_by_role("button", name="Submit").click()
        if answer.value.status != BUSY:
            return answer.value
    raise AssertionError(f"pressed Submit {PRESSES} times, and the server was busy each time")


def _ends_a_press(answer: Response) -> bool:
    """The page asks twice: are these values of the right kind, and then for the run."""
    return answer.url.endswith("/create_flow_run") or (
        answer.url.endswith("/schemas/validate") and not answer.ok
    )


@contextmanager
def explained(page: Page, picture: Path) -> Iterator[None]:
    """Add to a failure the page as a person would have seen it, and the errors behind it."""
    events: list[str] = []
    page.on("console", lambda line: events.append(f"console {line.type}: {line.text}"))
    page.on("pageerror", lambda error: events.append(f"error: {error}"))
    page.on("requestfailed", lambda request: events.append(f"failed: {request.method} {request.url}"))
    page.on(
        "response",
        lambda answer: (
            None if answer.ok else events.append(f"{answer.status} {answer.request.method} {answer.url}")
        ),
    )
    try:
        yield
    except (AssertionError, Error) as failure:
        page.screenshot(path=picture, full_page=True)
        failure.add_note("\n".join([f"{page.url}, see {picture}", *events, page.inner_text("body")]))
        raise


def newest(key: str) -> str:
    """The id of the newest artifact under a key."""
    with get_client(sync_client=True) as client:
        (found,) = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])),
            sort=ArtifactSort.CREATED_DESC,
            limit=1,
        )
    return str(found.id)
