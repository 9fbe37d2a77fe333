"""Alarms that the server sends: runs of bandcast that no process can speak for any more, and no others."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from prefect.events.schemas.automations import AutomationCore
from prefect.states import Completed, Crashed, Failed, Late
from receiver import TOKEN, Receiver, receive
from served import AFTER_CLOSE, AUTH_STRING, eventually

from flows.doctor.prefect_server import check_server
from flows.prefect_runtime.alarm_block import BLOCK, BLOCK_TYPE
from flows.prefect_runtime.deploying import deploy
from flows.settings import load_settings

STORE = "postgresql+psycopg://bandcast:secret@db.example.com/bands"
CRASHED, LATE = "bandcast-alarm-crashed-runs", "bandcast-alarm-late-runs"


@pytest.fixture(scope="module")
def receiver(prefect_url: str) -> Iterator[Receiver]:
    """The receiver of a server to which everything is deployed."""
    with receive() as opened:
        deploy(prefect_url, AUTH_STRING, store_url=STORE, notify_url=opened.url, reset=True)
        yield opened
        with get_client(sync_client=True) as client:  # what other files deploy has no alarms
            for name in (CRASHED, LATE):
                client.delete_automation(client.read_automations_by_name(name)[0].id)
            client.delete_block_document(client.read_block_document_by_name(BLOCK, BLOCK_TYPE).id)
            for run in client.read_flow_runs():  # the worker of another file would take it
                if run.state and not run.state.is_final():
                    client.delete_flow_run(run.id)


@pytest.fixture
def client(receiver: Receiver) -> Iterator[SyncPrefectClient]:
    receiver.messages.clear()
    with get_client(sync_client=True) as opened:
        yield opened


def end_run(client: SyncPrefectClient, deployment: str, name: str, state: State[Any]) -> None:
    identity = client.read_deployment_by_name(deployment).id
    run = client.create_flow_run_from_deployment(identity, name=name)
    client.set_flow_run_state(run.id, state, force=True)


def test_a_crashed_run_of_bandcast_arrives_once_and_no_other(
    receiver: Receiver, client: SyncPrefectClient
) -> None:
    flow = client.create_flow_from_name("theirs")
    client.create_deployment(flow, "nightly")
    end_run(client, "theirs/nightly", "another-team", Crashed(message="Not ours."))
    end_run(client, AFTER_CLOSE, "a-holiday", Completed(name="Skipped", message="No exchange has traded."))
    end_run(client, AFTER_CLOSE, "a-failure", Failed(message="It has sent its own."))
    end_run(client, AFTER_CLOSE, "after-the-power-cut", Crashed(message="Its heartbeat stopped."))
    end_run(client, AFTER_CLOSE, "the-last", Crashed(message="The end."))
    eventually(lambda: len(receiver.messages) >= 2 or None, "the messages", 60)
    assert receiver.subjects == ["bandcast: after-the-power-cut crashed", "bandcast: the-last crashed"]
    assert receiver.messages[0]["message"].startswith("Its heartbeat stopped. Nothing is half written")


@pytest.mark.long  # the server looks for silence every five seconds, and waits for it ten
def test_a_run_that_no_worker_takes_arrives_once(receiver: Receiver, client: SyncPrefectClient) -> None:
    (found,) = client.read_automations_by_name(LATE)
    fields = found.model_dump(mode="json", include=set(AutomationCore.model_fields) - {"owner_resource"})
    fields["trigger"]["within"] = 10
    client.update_automation(found.id, AutomationCore.model_validate(fields))
    end_run(client, AFTER_CLOSE, "taken", Late())
    end_run(client, AFTER_CLOSE, "nobody-there", Late())
    (taken,) = [run for run in client.read_flow_runs() if run.name == "taken"]
    client.set_flow_run_state(taken.id, Completed(), force=True)
    eventually(lambda: receiver.messages or None, "the message", 60)
    assert receiver.subjects == ["bandcast: nobody-there is late"]


def test_the_url_is_a_secret_and_follows_its_setting(
    prefect_url: str, receiver: Receiver, client: SyncPrefectClient
) -> None:
    shown = client.read_block_document_by_name(BLOCK, BLOCK_TYPE, include_secrets=False)
    assert TOKEN not in shown.model_dump_json()
    for url, lines in (
        (receiver.url, []),
        (f"{receiver.url}2", [f"block {BLOCK}: url of BANDCAST_NOTIFY_URL"]),
    ):
        assert deploy(prefect_url, AUTH_STRING, store_url=STORE, notify_url=url) == lines
    assert deploy(prefect_url, AUTH_STRING, store_url=STORE) == []
    assert client.read_block_document_by_name(BLOCK, BLOCK_TYPE).data["url"] == f"{receiver.url}2"
    deploy(prefect_url, AUTH_STRING, store_url=STORE, notify_url=receiver.url)


def test_the_doctor_misses_automations_that_are_wanted(
    prefect_url: str, receiver: Receiver, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check() -> list[str]:
        return [finding.check for finding in check_server(load_settings(), datetime.now(UTC))]

    monkeypatch.setenv("BANDCAST_NOTIFY_URL", receiver.url)
    assert "alarms of the server" not in check()
    client.delete_automation(client.read_automations_by_name(CRASHED)[0].id)
    assert check()[-1] == "alarms of the server"
    assert deploy(prefect_url, AUTH_STRING, store_url=STORE, notify_url=receiver.url) == [
        f"automation {CRASHED}: created"
    ]


def test_what_people_have_set_stays_and_a_deleted_block_is_made_again(
    prefect_url: str, receiver: Receiver, client: SyncPrefectClient
) -> None:
    (found,) = client.read_automations_by_name(CRASHED)
    client.pause_automation(found.id)
    client.delete_block_document(client.read_block_document_by_name(BLOCK, BLOCK_TYPE).id)
    lines = deploy(prefect_url, AUTH_STRING, store_url=STORE, notify_url=receiver.url)
    assert lines[0] == f"block {BLOCK}: created"
    assert [line.partition(": actions")[0] for line in lines[1:]] == [
        f"automation {CRASHED}",
        f"automation {LATE}",
    ]
    (found,) = client.read_automations_by_name(CRASHED)
    block = client.read_block_document_by_name(BLOCK, BLOCK_TYPE)
    assert (found.enabled, str(block.id) in found.model_dump_json()) == (False, True)
    client.resume_automation(found.id)
