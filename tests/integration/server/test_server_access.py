"""Without the auth string the server does nothing for anybody, and no run takes a command."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from health import check_health
from prefect import get_client
from prefect.client.schemas.objects import Deployment
from prefect.exceptions import PrefectHTTPStatusError
from served import AFTER_CLOSE, AUTH_STRING, Served, eventually

from flows.server_access import require_access
from forecasting.errors import SourceError

ALLOWED, UNAUTHORIZED, REFUSED = 200, 401, 422


def encode(auth_string: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(auth_string.encode()).decode()}"}


def ask(url: str, headers: dict[str, str], body: dict[str, Any] | None = None) -> tuple[int, dict[str, str]]:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers)
    except HTTPError as error:
        return error.code, dict(error.headers)


@pytest.fixture
def deployment(served: Served) -> Deployment:
    with get_client(sync_client=True) as client:
        return client.read_deployment_by_name(AFTER_CLOSE)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://elsewhere.example"},
        {"Host": "elsewhere.example"},
        {"Host": "127.0.0.1/api/health?"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer bandcast:of-the-tests"},
        encode("bandcast:"),
        encode("bandcast:another"),
        {**encode("bandcast:another"), "Origin": "http://127.0.0.1:4200"},
    ],
    ids=str,
)
def test_whoever_lacks_the_string_is_refused(
    prefect_url: str, deployment: Deployment, headers: dict[str, str]
) -> None:
    start = f"{prefect_url}/deployments/{deployment.id}/create_flow_run"
    command: dict[str, Any] = {"job_variables": {"command": "touch owned"}}
    assert ask(start, headers, command)[0] == UNAUTHORIZED
    for path in ("/admin/settings", "/admin/version", "/flow_runs/count", "/variables/name/health"):
        assert ask(prefect_url + path, headers)[0] == UNAUTHORIZED


def test_only_the_pages_of_the_server_may_read_its_answers(prefect_url: str) -> None:
    own = prefect_url.removesuffix("/api")
    for origin, allowed in ((own, own), ("https://elsewhere.example", None)):
        status, headers = ask(f"{prefect_url}/admin/version", {**encode(AUTH_STRING), "Origin": origin})
        assert status == ALLOWED
        assert headers.get("access-control-allow-origin") == allowed


@pytest.mark.parametrize(
    "variables",
    [
        {"command": "touch owned"},
        {"env": {"BANDCAST_DATABASE_URL": "sqlite:///elsewhere.db"}},
        {"env.PYTHONPATH": "elsewhere"},
        {"working_dir": "/tmp"},
    ],
    ids=str,
)
def test_a_run_takes_its_command_environment_and_folder_from_the_worker_alone(
    deployment: Deployment, variables: dict[str, Any]
) -> None:
    with (
        get_client(sync_client=True) as client,
        pytest.raises(PrefectHTTPStatusError) as refused,
    ):
        client.create_flow_run_from_deployment(deployment.id, job_variables=variables)
    assert refused.value.response.status_code == REFUSED


@pytest.mark.parametrize(("auth_string", "found"), [(None, "none"), ("bandcast:another", "another one")])
def test_a_client_without_the_string_is_told_so(
    prefect_url: str, auth_string: str | None, found: str
) -> None:
    with pytest.raises(SourceError, match=f"found {found}; set PREFECT_API_AUTH_STRING"):
        require_access(prefect_url, auth_string)


@pytest.mark.long
def test_the_worker_works_with_the_string(served: Served, tmp_path: Path) -> None:
    run = served.run(AFTER_CLOSE, source="sample", tickers=["MSFT"], horizon=5)
    assert run.state is not None
    assert run.state.is_completed()


def test_the_worker_answers_for_its_own_health(served: Served) -> None:
    port = served.environment["PREFECT_WORKER_WEBSERVER_PORT"]
    health = f"http://127.0.0.1:{port}/health"
    eventually(lambda: check_health(health).returncode == 0 or None, lambda: f"{health}\n{served.log}", 60)
