"""The pages of the Prefect UI in Debian's chromium, and what a person does on any of them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Error, Page, Response, expect, sync_playwright
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

CHROMIUM = shutil.which("chromium")
# A background connection would only be refused on a machine without internet.
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE_MS = 60_000
BUSY, PRESSES = 503, 10


@contextmanager
def open_page(
    scheme: Literal["light", "dark"] = "dark", width: int = 1200, height: int = 1600
) -> Iterator[Page]:
    """Open a browser with one page, in one of the two schemes of colours; the UI's own choice is dark."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.add_init_script(f"localStorage.setItem('color-scheme', JSON.stringify('{scheme}'))")
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


def ui(path: str) -> str:
    """URL of a page of the server."""
    with get_client(sync_client=True) as client:
        return str(client.api_url).rstrip("/").removesuffix("/api") + path


def deployment_page(deployment: str, below: str = "") -> str:
    """URL of the page of a deployment, or of one below it."""
    with get_client(sync_client=True) as client:
        return ui(f"/deployments/deployment/{client.read_deployment_by_name(deployment).id}{below}")


def form(deployment: str) -> str:
    """URL of the form that starts a run."""
    return deployment_page(deployment, "/run")


def log_in(page: Page, auth_string: str) -> None:
    page.goto(ui("/deployments"))
    field = page.get_by_placeholder("admin:pass")
    field.fill(auth_string)
    page.get_by_role("button", name="Login").click()
    expect(field).not_to_be_visible(timeout=PATIENCE_MS)


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
