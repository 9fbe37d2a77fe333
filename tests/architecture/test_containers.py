"""The containers of deployments/: what their files name exists, and no secret is where it can be seen."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from health import check_health

from flows.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deployments"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("server", "deploy", "worker")
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
ENTRYPOINT = FOLDER / "entrypoint.sh"
SUFFIX = "_FILE"


def list_secrets(service: dict[str, Any]) -> dict[str, str]:
    """Variable that a service gets from a file -> name of the secret."""
    files = {name: path for name, path in service["environment"].items() if name.endswith(SUFFIX)}
    return {name.removesuffix(SUFFIX): Path(path).name for name, path in files.items()}


def test_compose_sets_only_settings_that_exist_and_binds_only_to_this_host() -> None:
    known = {f"BANDCAST_{name.upper()}" for name in Settings.model_fields}
    assert "*" not in SERVICES["server"]["environment"]["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"]
    for service in SERVICES.values():
        variables = {name.removesuffix(SUFFIX) for name in service["environment"]}
        assert {name for name in variables if name.startswith("BANDCAST_")} <= known
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        for needed, condition in service.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (FOLDER / source).exists()


def test_each_service_has_the_secrets_that_it_needs_and_no_other() -> None:
    assert {name: list_secrets(SERVICES[name]).get("PGPASSWORD") for name in OURS} == {
        "server": "prefect_password",
        "deploy": "owner_password",
        "worker": "owner_password",
    }
    assert list_secrets(SERVICES["server"])["PREFECT_SERVER_API_AUTH_STRING"] == "prefect_auth"
    for service in SERVICES.values():
        assert set(list_secrets(service).values()) == set(service["secrets"]) <= set(COMPOSE["secrets"])
    named = re.findall(r'`cat "\$(\w+)_FILE"`', (FOLDER / "postgres.sql").read_text())
    assert {*named, "POSTGRES_PASSWORD"} == set(list_secrets(SERVICES["postgres"]))


def test_no_secret_is_a_variable_of_compose_or_within_a_url() -> None:
    assert "${" not in (FOLDER / "compose.yaml").read_text()
    for name in ("deploy", "worker"):
        url = SERVICES[name]["environment"]["BANDCAST_DATABASE_URL"]
        assert url.startswith("postgresql://bandcast@")
        assert SERVICES[name]["env_file"] == "settings.env"


@pytest.mark.parametrize("file", ["secrets/owner_password", "settings.env"])
def test_what_is_filled_in_is_neither_committed_nor_a_part_of_the_image(file: str) -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    excluded = (ROOT / ".dockerignore").read_text().splitlines()
    top = f"deployments/{Path(file).parts[0]}"
    assert {top, f"{top}/"} & set(ignored)
    assert excluded.index(top) > excluded.index("!deployments")  # the last line that fits decides


def test_images_are_pinned_processes_have_an_init_and_nobody_is_root() -> None:
    images = [SERVICES["postgres"]["image"], *re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)]
    assert all(re.search(r":\d+\.\d+", image) for image in images)
    assert all(service["init"] is True for service in SERVICES.values())
    assert all("user" not in service and "privileged" not in service for service in SERVICES.values())
    assert all(SERVICES[name]["cap_drop"] == ["ALL"] for name in OURS)
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert users[-1].isdigit()
    assert int(users[-1]) > 0


def test_health_checks_ask_for_a_page_and_for_the_health_of_the_worker_itself() -> None:
    checks = {name: SERVICES[name]["healthcheck"]["test"][3:] for name in ("server", "worker")}
    assert checks == {
        "server": ["http://127.0.0.1:4200/", "http://127.0.0.1:4200/api/ready"],
        "worker": ["http://127.0.0.1:8080/health"],
    }
    assert "--with-healthcheck" in SERVICES["worker"]["command"]
    for name in checks:
        script = Path(SERVICES[name]["healthcheck"]["test"][2])
        assert (FOLDER / script.relative_to("/opt/bandcast/deployments")).exists()


class Unpacked(BaseHTTPRequestHandler):
    """A server whose API answers, and whose pages could not be unpacked."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/api/") else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        pass


@pytest.fixture
def unpacked() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Unpacked) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_health_check_fails_where_one_of_its_urls_does(unpacked: str) -> None:
    ready, page, closed = f"{unpacked}/api/ready", f"{unpacked}/", "http://127.0.0.1:1/health"
    for urls, wrong in (([ready], []), ([page, ready], [page]), ([ready, closed], [closed])):
        done = check_health(*urls)
        assert done.returncode == bool(wrong)
        assert [line.split(": ")[0] for line in done.stderr.splitlines()] == wrong


def run_entrypoint(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Print the environment of the command, as JSON."""
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    command = ["/bin/sh", str(ENTRYPOINT), sys.executable, "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_entrypoint_sets_every_secret_that_compose_names_from_its_file(tmp_path: Path) -> None:
    secrets = {name for service in OURS for name in list_secrets(SERVICES[service])}
    value = "o'w@n/e:r%$(id) \\ \""
    (tmp_path / "secret").write_text(f"{value}\n")
    files = {f"{name}{SUFFIX}": str(tmp_path / "secret") for name in secrets}
    done = run_entrypoint({"PATH": "/usr/bin:/bin", "BANDCAST_TICKERS": "AAPL", **files})
    found = json.loads(done.stdout)
    assert {name: found[name] for name in secrets} == dict.fromkeys(secrets, value)
    assert found["BANDCAST_TICKERS"] == "AAPL"
    assert not set(files) & set(found)


def test_a_secret_that_cannot_be_read_ends_the_container(tmp_path: Path) -> None:
    done = run_entrypoint({"PATH": "/usr/bin:/bin", "PGPASSWORD_FILE": str(tmp_path / "absent")})
    assert done.returncode != 0
    assert done.stdout == ""


def test_the_image_copies_only_what_is_there_and_not_ignored() -> None:
    lines = DOCKERFILE.splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert {"constraints.txt", "flows"} <= set(copied) <= set(allowed)
    assert all((ROOT / name).exists() for name in copied)
    (entrypoint,) = re.findall(r'^ENTRYPOINT \["(.+)"\]$', DOCKERFILE, re.MULTILINE)
    assert Path(entrypoint).name == ENTRYPOINT.name
    assert ENTRYPOINT.stat().st_mode & 0o111


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_a_pool_of_containers_holds_no_secret_and_leaves_a_run_nothing_but_its_name(kind: str) -> None:
    template = json.loads((FOLDER / f"{kind}-pool.json").read_text())
    properties = template["variables"].pop("properties")
    assert template["variables"] == {"type": "object", "additionalProperties": False}
    free = {name for name, field in properties.items() if field.get("enum") != [field.get("default")]}
    assert free == {"name"}
    job = template["job_configuration"]
    if kind == "docker":
        assert job["env"]["PGPASSWORD"] == "{{ password }}"
        assert properties["password"]["default"].startswith("{{ prefect.blocks.secret.")
        assert job["networks"] == [f"{COMPOSE['name']}_default"]
        assert job["volumes"] == [f"{COMPOSE['name']}_home:/var/lib/bandcast"]
        assert "home" in COMPOSE["volumes"]
    else:
        (container,) = job["job_manifest"]["spec"]["template"]["spec"]["containers"]
        assert all("secretKeyRef" in variable["valueFrom"] for variable in container["env"])


def test_compose_is_accepted_by_the_tool_itself(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    found = subprocess.run([docker or "false", "compose", "version"], capture_output=True, check=False)
    if docker is None or found.returncode:
        pytest.skip("docker compose is not installed")
    shutil.copy(FOLDER / "compose.yaml", tmp_path)
    (tmp_path / "settings.env").write_text("BANDCAST_TICKERS=AAPL\n")
    command = [docker, "compose", "--file", str(tmp_path / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(
        command, env={"PATH": str(Path(docker).parent)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
