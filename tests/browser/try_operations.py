"""Set things in the Prefect UI, restart `bandcast serve`, deploy again: all of it must have stayed; a script.

    python tests/browser/try_operations.py

Server, worker and chromium are real, prices are the bundled ones. Prints the folder of the home, the logs and
the pictures (form, run, summary and schedules, in light and dark), and a line for each step. Exit code 1:
something differs.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

from deployed import read_all
from playwright.sync_api import Locator, Page, Response, expect
from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect_pages import (
    BUSY,
    PATIENCE_MS,
    PRESSES,
    deployment_page,
    explained,
    form,
    log_in,
    newest,
    open_page,
    submit,
    ui,
)
from served import AFTER_CLOSE, eventually, free_port
from workplace import TINY

from flows.prefect_runtime.changes import find_edits
from flows.prefect_runtime.server_process import run_child
from flows.prefect_runtime.telemetry import TELEMETRY_OFF

BANDCAST = str(Path(sys.executable).with_name("bandcast"))
WIDTH, HEIGHT = 1600, 2000  # pixels; narrower pages hide the schedules, and lower ones a part of the form
READY = "Prefect UI: "  # what `serve` prints when everything is deployed
CRON, ADDED_CRON = "45 18 * * 1-5", "0 12 * * 1-5"
HORIZON = "7"
SCHEMES: tuple[Any, ...] = ("light", "dark")
_started = monotonic()


def tell(line: str) -> None:
    """Print a step, with the seconds since the start."""
    sys.stdout.write(f"{monotonic() - _started:4.0f} s  {line}\n")
    sys.stdout.flush()


def build_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a home in a folder, with prices that need no network."""
    others = {
        name: value for name, value in os.environ.items() if not name.startswith(("BANDCAST_", "PREFECT_"))
    }
    return {
        **others,
        **TELEMETRY_OFF,
        **TINY,
        "BANDCAST_HOME": str(folder / "home"),
        "BANDCAST_TICKERS": "AAPL,IBM,MSFT",
        "BANDCAST_TRAIN_UNIVERSE": "own",
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }


@contextmanager
def serve(folder: Path, environment: Mapping[str, str], port: int) -> Iterator[None]:
    """Run `bandcast serve` while the block lasts, from the moment at which everything is deployed."""
    path = folder / "serve.log"
    with (
        path.open("wb") as log,
        run_child([BANDCAST, "serve", "--port", str(port)], environment, log) as process,
    ):

        def is_ready() -> bool | None:
            assert process.poll() is None, path.read_text()
            return READY in path.read_text() or None

        eventually(is_ready, f"`bandcast serve`, see {path}")
        yield


def deploy(folder: Path, environment: Mapping[str, str], port: int, auth_string: str) -> None:
    """Run `bandcast deploy` as from another machine."""
    access = {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "PREFECT_API_AUTH_STRING": auth_string}
    path = folder / "deploy.log"
    with path.open("wb") as log, run_child([BANDCAST, "deploy"], {**environment, **access}, log) as process:
        assert process.wait(120) == 0, path.read_text()


def send(page: Page, button: Locator, method: str, part: str) -> Response:
    """Press a button and wait for the server's answer to what it sends."""
    with page.expect_response(
        lambda answer: answer.request.method == method and part in answer.url
    ) as answer:
        button.click()
    return answer.value


def find_field(page: Page, within: Locator, label: str) -> Locator:
    """Find the input below a label."""
    labelled = within.locator(".p-label", has=page.get_by_text(label, exact=True))
    return labelled.locator("input").first


def find_card(page: Page, slug: str) -> Locator:
    """Go to the page of the daily deployment and find one of its schedules."""
    page.goto(deployment_page(AFTER_CLOSE))
    card = page.locator(".deployment-schedule-card", has_text=slug).first
    expect(card).to_be_visible(timeout=PATIENCE_MS)
    return card


def pause_a_schedule(page: Page) -> Response:
    card = find_card(page, "morning-catch-up")
    return send(page, card.get_by_role("switch"), "PATCH", "/schedules/")


def edit_a_cron(page: Page) -> Response:
    find_card(page, "after-close").get_by_role("button").last.click()
    page.get_by_role("button", name="Edit", exact=True).click()
    return save_schedule(page, "Edit schedule", CRON, "PATCH")


def add_a_schedule(page: Page) -> Response:
    find_card(page, "after-close")
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.get_by_placeholder("Enter a unique identifier for this schedule").last.fill("noon")
    return save_schedule(page, "Add schedule", ADDED_CRON, "POST")


def save_schedule(page: Page, title: str, cron: str, method: str) -> Response:
    """Fill the dialog of a schedule with a cron and save it."""
    dialog = page.get_by_role("dialog").filter(has_text=title)
    dialog.get_by_role("button", name="Cron", exact=True).click()
    find_field(page, dialog, "Value").fill(cron)
    return send(page, dialog.get_by_role("button", name="Save"), method, "/schedules")


def set_a_parameter(page: Page) -> Response:
    page.goto(deployment_page(AFTER_CLOSE, "/edit"))
    find_field(page, page.locator("form"), "horizon (Optional)").fill(HORIZON)
    return send(page, page.get_by_role("button", name="Save"), "PATCH", "/deployments/")


STEPS: tuple[Callable[[Page], Response], ...] = (
    pause_a_schedule,
    edit_a_cron,
    add_a_schedule,
    set_a_parameter,
)


def set_things(page: Page) -> None:
    """Set everything in the pages, each step again while the server is busy, as a person would."""
    for step in STEPS:
        for _ in range(PRESSES):
            answer = step(page)
            if answer.status != BUSY:
                break
        assert answer.ok, f"{step.__name__}: {answer.status} {answer.text()}"
        tell(f"{step.__name__.replace('_', ' ')}: {answer.request.method}, {answer.status}")


def read_server() -> dict[str, Any]:
    with get_client(sync_client=True) as client:
        return read_all(client)


def require_set(daily: Mapping[str, Any]) -> None:
    """Check that the pages have set what they were to set."""
    crons = {schedule["slug"]: schedule["schedule"]["cron"] for schedule in daily["schedules"]}
    paused = {schedule["slug"] for schedule in daily["schedules"] if not schedule["active"]}
    assert (crons["after-close"], crons["noon"], paused) == (CRON, ADDED_CRON, {"morning-catch-up"}), daily
    assert daily["parameters"]["horizon"] == int(HORIZON), daily


def list_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """List what differs between two readings of the server, one line for each field."""
    lines = []
    for name in before.keys() | after.keys():
        sides = [
            side if isinstance(side, dict) else {"value": side}
            for side in (before.get(name), after.get(name))
        ]
        lines += [f"{name}: {edit.describe()}" for edit in find_edits(sides[1], sides[0])]
    return sorted(lines)


def compare(before: Mapping[str, Any], after_what: str) -> bool:
    """Print whether the server is as it was; return it, too."""
    lines = list_differences(before, read_server())
    for line in lines:
        tell(f"after {after_what}: DIFFERS: {line}")
    if not lines:
        tell(f"after {after_what}: nothing differs")
    return not lines


def start_run(page: Page) -> FlowRun:
    """Start a run in the form, which shows the parameter that was set, and wait for its end."""
    page.goto(form(AFTER_CLOSE))
    expect(page.locator("input[type=number]").first).to_have_value(HORIZON, timeout=PATIENCE_MS)
    answer = submit(page)
    assert answer.ok, answer.text()
    return eventually(lambda: find_end(UUID(answer.json()["id"])), "the end of the run")


def find_end(identity: UUID) -> FlowRun | None:
    """Return a run that has ended, and None while it goes on."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(identity)
    return run if run.state and run.state.is_final() else None


def photograph(folder: Path, run: FlowRun, auth_string: str) -> None:
    """Make the pictures of form, run and summary, in both schemes of colours."""
    pages = {
        "form": (form(AFTER_CLOSE), "horizon (Optional)"),
        "run": (ui(f"/runs/flow-run/{run.id}"), run.name),
        "summary": (ui(f"/artifacts/artifact/{newest('summary')}"), "latest_forecast"),
        "schedules": (deployment_page(AFTER_CLOSE), "morning-catch-up"),
    }
    for scheme in SCHEMES:
        with open_page(scheme, WIDTH, HEIGHT) as page, explained(page, folder / "failed.png"):
            log_in(page, auth_string)
            for name, (url, text) in pages.items():
                page.goto(url)
                expect(page.get_by_text(text).first).to_be_visible(timeout=PATIENCE_MS)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
        tell(f"pictures of {', '.join(pages)} in {scheme}")


def try_operations(folder: Path) -> bool:
    """Go through all steps; return whether everything has stayed."""
    environment, port = build_environment(folder), free_port()
    access = {PREFECT_API_URL: f"http://127.0.0.1:{port}/api", PREFECT_HOME: folder / "prefect"}
    with ExitStack() as stack:
        stack.enter_context(serve(folder, environment, port))
        auth_string = (folder / "home" / "prefect-auth").read_text().strip()
        with temporary_settings({**access, PREFECT_API_AUTH_STRING: auth_string}):
            tell("served; all of it is from the files")
            described = read_server()
            with open_page(width=WIDTH) as page, explained(page, folder / "failed.png"):
                log_in(page, auth_string)
                set_things(page)
            kept = read_server()
            require_set(kept[AFTER_CLOSE])
            for line in list_differences(described, kept):
                tell(f"set: {line}")
            stack.close()
            tell("stopped `bandcast serve`")
            stack.enter_context(serve(folder, environment, port))
            stayed = compare(kept, "a restart of `bandcast serve`")
            deploy(folder, environment, port, auth_string)
            stayed &= compare(kept, "`bandcast deploy`")
            if not stayed:
                return False
            with open_page(width=WIDTH) as page, explained(page, folder / "failed.png"):
                log_in(page, auth_string)
                run = start_run(page)
            tell(f"{run.name}: {run.state_name}")
            photograph(folder, run, auth_string)
            return compare(kept, "a run") and run.state_name == "Completed"


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="try-operations-"))
    tell(f"pictures and logs are in {folder}")
    stayed = try_operations(folder)
    tell("everything has stayed" if stayed else "something differs")
    return int(not stayed)


if __name__ == "__main__":
    sys.exit(main())
