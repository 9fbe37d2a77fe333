"""Changes of a deployment to a server: only what is missing, unless everything is to be reset."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from flows.paths import make_url_absolute
from flows.prefect_runtime.specifications import (
    FOLLOWING,
    OF_THE_RELEASE,
    POOL_TYPE,
    STORE_TAG,
    Specification,
)
from flows.server_access import display_server
from forecasting.errors import UsageError
from forecasting.text import clean_text

R = TypeVar("R")
OURS = "flows."  # how an entrypoint of this package begins
_SHOWN = 120  # characters of a value


@dataclass(frozen=True)
class Edit:
    """One field of an object that exists.

    Attributes:
        field: Its name.
        before: Value on the server.
        after: Value to set.
    """

    field: str
    before: Any
    after: Any

    def describe(self) -> str:
        """Describe the edit in a few words: what differs of a value with several parts.

        A form is too long to show, a URL of alarms is secret.
        """
        if self.field in ("parameter_openapi_schema", "base_job_template"):
            return f"{self.field} of this release"
        if self.field == "url":
            return "url of BANDCAST_NOTIFY_URL"
        before, after = _keep_differences(_shorten(self.before), _shorten(self.after))
        return f"{self.field} {clean_text(before, _SHOWN)} becomes {clean_text(after, _SHOWN)}"


def _shorten(value: Any) -> Any:
    """Return each schedule among the parts of a value as a few words; other values as they are."""
    if not isinstance(value, list):
        return value
    return [_describe_schedule(part) if _is_schedule(part) else part for part in value]


def _is_schedule(part: Any) -> bool:
    return isinstance(part, dict) and {"slug", "schedule", "active"} <= part.keys()


def _describe_schedule(schedule: Mapping[str, Any]) -> str:
    words = f"{schedule['slug']}: {_format_time(schedule)}"
    words += "" if schedule["active"] else ", off"
    return words + (f", {schedule['parameters']}" if schedule.get("parameters") else "")


def _keep_differences(before: Any, after: Any) -> tuple[Any, Any]:
    """Return the parts of two lists, or of two mappings, that the other lacks; other values as they are."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [name for name in {**before, **after} if before.get(name, ...) != after.get(name, ...)]
        before, after = ({name: side[name] for name in names if name in side} for side in (before, after))
    elif (
        isinstance(before, list) and isinstance(after, list) and set(map(str, before)) != set(map(str, after))
    ):
        before, after = (
            [part for part in side if part not in other] for side, other in ((before, after), (after, before))
        )
    return before, after


@dataclass(frozen=True)
class Change:
    """An object that is created or edited.

    Attributes:
        kind: Of object.
        spec: As the files describe it.
        identity: Id on the server; None for an object that is missing.
        edits: Of an object that exists.
    """

    kind: str
    spec: Specification
    identity: UUID | None = None
    edits: tuple[Edit, ...] = ()

    @property
    def new_values(self) -> dict[str, Any]:
        """Field -> value that an edit sets."""
        return {edit.field: edit.after for edit in self.edits}

    def lines(self) -> Iterator[str]:
        """Yield a line for an object that is created, or for each edit."""
        subject = f"{self.kind} {self.spec.name}"
        if self.identity is None:
            yield f"{subject}: created"
        for edit in self.edits:
            yield f"{subject}: {edit.describe()}"


def read_known(read: Callable[..., R], *names: object) -> R | None:
    """Read an object of the server; None where it is unknown there."""
    try:
        return read(*names)
    except ObjectNotFound:
        return None


def require_same_store(found: Sequence[DeploymentResponse], store: str, api_url: str) -> None:
    """Check that the deployments of a server serve this store; those without a stamp serve any.

    A stamp of an earlier release may name a SQLite file by a path relative to the working directory.

    Raises:
        UsageError: One serves another store.
    """
    stamps = {tag for deployment in found for tag in deployment.tags if tag.startswith(STORE_TAG)}
    others = sorted(tag for tag in stamps if make_url_absolute(tag.removeprefix(STORE_TAG)) != store)
    if others:
        raise UsageError(
            f"Expected deployments of the store {store} at {display_server(api_url)}, found those of "
            f"{', '.join(tag.removeprefix(STORE_TAG) for tag in others)}; use a Prefect server of its own, "
            "or take them over with --reset."
        )


def plan_pool(spec: Specification, found: WorkPool | None, *, reset: bool) -> Iterator[Change]:
    """Plan the work pool: one that exists stays, unless it is reset.

    A pool of containers keeps its job template even then: that of the files is for processes.
    """
    if found is None:
        yield Change("work pool", spec)
        return
    after = dict(spec.fields)
    if found.type != POOL_TYPE:
        del after["base_job_template"]
    if reset and (edits := find_edits(after, found.model_dump(mode="json"))):
        yield Change("work pool", spec, found.id, edits)


def plan_deployment(
    spec: Specification, found: DeploymentResponse | None, *, reset: bool
) -> Iterator[Change]:
    """Plan a deployment: of one that exists, only what the release decides, unless it is reset.

    A deployment that runs somebody's own flow keeps its entrypoint and form.
    """
    if found is None:
        yield Change("deployment", spec)
        return
    before, after = list_fields(found), spec.fields
    if not reset:
        ours = (found.entrypoint or "").startswith(OURS)
        after = {name: after[name] for name in OF_THE_RELEASE if ours} | {"tags": _stamp(found, spec)}
    if edits := find_edits(after, before):
        yield Change("deployment", spec, found.id, edits)


def describe_schedules(
    specs: Sequence[Specification], found: Mapping[str, DeploymentResponse]
) -> Iterator[str]:
    """Yield one line where schedules that follow the settings run at another time on the server.

    One that is switched off counts as decided by a person.

    Args:
        specs: Deployments at the times of the settings.
        found: Those that exist, by name.
    """
    differing = [
        f"{deployment.name} runs at {_format_time(before)}, not at {_format_time(after)}"
        for deployment in specs
        if deployment.name in found
        for before, after in _pair_schedules(deployment, list_fields(found[deployment.name]))
        if before["active"] and _format_time(before) != _format_time(after)
    ]
    if differing:
        yield (
            f"BANDCAST_SCHEDULE and BANDCAST_TIMEZONE differ: {'; '.join(differing)}. `--reset` applies "
            "them, and sets back all that `bandcast deploy --reset --dry-run` lists."
        )


def _pair_schedules(
    spec: Specification, fields: Mapping[str, Any]
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield each schedule that follows the settings, as the server and as the settings have it."""
    stored = {schedule["slug"]: schedule for schedule in fields["schedules"]}
    for schedule in spec.fields["schedules"]:
        if schedule["slug"] in FOLLOWING and schedule["slug"] in stored:
            yield stored[schedule["slug"]], schedule


def _format_time(schedule: Mapping[str, Any]) -> str:
    """Format when a schedule runs; one that somebody made in the UI may be an interval or a rule."""
    return " ".join(str(value) for value in schedule["schedule"].values())


def list_fields(found: DeploymentResponse) -> dict[str, Any]:
    """List the fields of a deployment as `Specification` has them."""
    limit, options = found.global_concurrency_limit, found.concurrency_options
    fields = found.model_dump(
        mode="json",
        include={
            *("entrypoint", "description", "parameters", "paused", "work_pool_name", "tags", "version"),
            *("enforce_parameter_schema", "job_variables", "parameter_openapi_schema", "pull_steps"),
        },
    )
    schedules = [
        {
            "slug": schedule.slug,
            "schedule": schedule.schedule.model_dump(mode="json", exclude_defaults=True),
            "active": schedule.active,
            "parameters": schedule.parameters,
        }
        for schedule in found.schedules
    ]
    return fields | {
        "pull_steps": fields["pull_steps"] or [],
        "schedules": sorted(schedules, key=str),
        "concurrency_limit": limit.limit if limit else None,
        "concurrency_options": options.model_dump(mode="json", exclude_unset=True) if options else None,
    }


def find_edits(after: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[Edit, ...]:
    """Return an edit for each field that the server has otherwise."""
    return tuple(
        Edit(name, before.get(name), value) for name, value in after.items() if before.get(name) != value
    )


def _stamp(found: DeploymentResponse, spec: Specification) -> list[str]:
    """Return the tags of a deployment, with its store added where none is named."""
    if any(tag.startswith(STORE_TAG) for tag in found.tags):
        return list(found.tags)
    return [*found.tags, *spec.fields["tags"]]
