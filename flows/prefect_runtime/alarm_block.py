"""The block in which a Prefect server keeps the URL of alarms, for what no run can send itself."""

from collections.abc import Iterator
from uuid import UUID

from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import BlockDocument
from pydantic import SecretStr

from flows.prefect_runtime.changes import Change, find_edits, read_known
from flows.prefect_runtime.specifications import Specification

BLOCK = "bandcast-alarms"
UNKNOWN = UUID(int=0)  # as in the files
# The block type of every server that takes any URL of Apprise.
BLOCK_TYPE = "slack-webhook"


def plan_block(client: SyncPrefectClient, notify_url: str) -> Iterator[Change]:
    """Plan the block: it follows BANDCAST_NOTIFY_URL, and stays where that is not set."""
    if not notify_url:
        return
    spec = Specification(BLOCK, {"url": notify_url})
    if (found := find_block(client)) is None:
        yield Change("block", spec)
    elif edits := find_edits(spec.fields, found.data):
        yield Change("block", spec, found.id, edits)


def find_block(client: SyncPrefectClient) -> BlockDocument | None:
    """Find the block on a server."""
    return read_known(client.read_block_document_by_name, BLOCK, BLOCK_TYPE)


def save_block(_: SyncPrefectClient, change: Change) -> None:
    """Create the block, or edit it."""
    SlackWebhook(url=SecretStr(change.spec.fields["url"])).save(BLOCK, overwrite=True)
