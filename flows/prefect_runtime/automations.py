"""The automations of bandcast on a Prefect server, which watch its own deployments alone."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore

from flows.prefect_runtime.changes import Change, find_edits, read_known
from flows.prefect_runtime.specifications import Specification

FILE, ALARM_FILE = "zombies.yaml", "alarms.yaml"
FILL_TAG = "bandcast-fill"  # of the runs of filled sessions, which have no deployment

NOTIFICATION = "send-notification"  # type of an action


def plan_automations(
    client: SyncPrefectClient, deployments: Iterable[UUID], block: UUID | None, *, reset: bool
) -> Iterator[Change]:
    """Plan every automation: of one that exists, only the deployments that it watches, unless it is reset.

    Args:
        client: Of the server.
        deployments: Ids of the deployments to watch.
        block: Id of the block that alarms are sent by; None where none are to be sent.
        reset: Set everything back to the files.
    """
    for spec in describe_automations(deployments, block):
        found = next(iter(client.read_automations_by_name(spec.name)), None)
        if found is None:
            yield Change("automation", spec)
            continue
        before = found.model_dump(mode="json")
        after = spec.fields if reset else _follow(client, before, spec)
        if edits := find_edits(after, before):
            yield Change("automation", spec, found.id, edits)


def describe_automations(deployments: Iterable[UUID], block: UUID | None) -> Iterator[Specification]:
    """Describe every automation of the files, watching some deployments; alarms only with their block."""
    watched = tuple(deployments)
    for name in (FILE, *([ALARM_FILE] if block else [])):
        for content in yaml.safe_load_all((files("flows") / name).read_text()):
            tag = FILL_TAG if name == FILE else ""  # of a filled session, its run sends the alarm
            yield describe_automation(_send_by(content, block), watched, tag)


def describe_automation(content: Mapping[str, Any], deployments: Iterable[UUID], tag: str) -> Specification:
    """Describe one automation, watching runs of some deployments alone, and those with a tag, if any."""
    ids = sorted(f"prefect.deployment.{identity}" for identity in deployments)
    ids += [f"prefect.tag.{tag}"] if tag else []
    trigger = {**content["trigger"], "match_related": {"prefect.resource.id": ids}}
    core = AutomationCore.model_validate({**content, "trigger": trigger})
    return Specification(core.name, core.model_dump(mode="json", exclude={"owner_resource"}))


def save_automation(client: SyncPrefectClient, change: Change) -> None:
    """Create an automation, or edit one."""
    fields = change.spec.fields
    if change.identity is None:
        client.create_automation(AutomationCore.model_validate(fields))
        return
    found = client.read_automation(change.identity)
    known = found.model_dump(mode="json", include=set(fields)) if found else {}
    edited = {**fields, **known, **change.new_values}
    client.update_automation(change.identity, AutomationCore.model_validate(edited))


def _send_by(content: Mapping[str, Any], block: UUID | None) -> dict[str, Any]:
    """Return an automation whose messages are sent by a block."""
    actions = [
        {**action, "block_document_id": block} if action["type"] == NOTIFICATION else action
        for action in content["actions"]
    ]
    return {**content, "actions": actions}


def _follow(client: SyncPrefectClient, before: Mapping[str, Any], spec: Specification) -> dict[str, Any]:
    """Return what an automation that exists must have: its deployments, and a block that exists."""
    followed: dict[str, Any] = {"trigger": _watch(before["trigger"], spec)}
    blocks = {action.get("block_document_id") for action in before["actions"]} - {None}
    if not all(read_known(client.read_block_document, UUID(block)) for block in blocks):
        followed["actions"] = spec.fields["actions"]
    return followed


def _watch(trigger: Mapping[str, Any], spec: Specification) -> dict[str, Any]:
    """Return a trigger as people have set it, with the deployments that it is to watch."""
    watched = spec.fields["trigger"].get("match_related")
    return {**trigger, "match_related": watched} if "match_related" in trigger else dict(trigger)
