"""Real servers behind components: the resource types, and upstream's URL shortener."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from choreo_local.embedded import podruntime
from tests.e2e.user import User, until
from tests.golden import FIXTURES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SAMPLE = FIXTURES / "samples" / "from-image" / "url-shortener"
SERVICES = (
    "snip-postgres",
    "snip-redis",
    "snip-analytics-service",
    "snip-api-service",
    "snip-frontend",
)
ALIKE = (2807, 3371)
_WAIT = 120

RESOURCES = """
{each}
---
apiVersion: openchoreo.dev/v1alpha1
kind: Component
metadata: {{name: notes, namespace: default}}
spec:
  owner: {{projectName: default}}
  componentType: {{kind: ClusterComponentType, name: deployment/service}}
  autoDeploy: true
---
apiVersion: openchoreo.dev/v1alpha1
kind: Workload
metadata: {{name: notes, namespace: default}}
spec:
  owner: {{projectName: default, componentName: notes}}
  endpoints:
    http: {{type: HTTP, port: 8080, visibility: [external]}}
  dependencies:
    resources:
      - {{ref: of-postgres, envBindings: {{url: POSTGRES_DSN}}}}
      - {{ref: of-valkey, envBindings: {{url: REDIS_ADDR}}}}
      - {{ref: of-nats, envBindings: {{url: NATS_URL}}}}
  container: {{image: choreo.local/snip-api}}
"""
RESOURCE = """
---
apiVersion: openchoreo.dev/v1alpha1
kind: Resource
metadata: {{name: of-{type}, namespace: default}}
spec:
  owner: {{projectName: default}}
  type: {{kind: ClusterResourceType, name: {type}}}
---
apiVersion: openchoreo.dev/v1alpha1
kind: ResourceReleaseBinding
metadata: {{name: of-{type}-development, namespace: default}}
spec:
  owner: {{projectName: default, resourceName: of-{type}}}
  environment: development
  resourceRelease: {release}
"""
CHANNEL = """
apiVersion: openchoreo.dev/v1alpha1
kind: ObservabilityAlertsNotificationChannel
metadata: {name: of-staging, namespace: default}
spec:
  environment: staging
  type: webhook
  webhookConfig: {url: "https://webhook.example.com"}
"""


@pytest.fixture(params=["process", "sandbox"])
def user_of(request: pytest.FixtureRequest, user: User) -> User:
    """A person whose pods run in one of the runtimes."""
    if request.param == "sandbox" and podruntime.probe().tools is None:
        pytest.skip(f"no sandboxes on this machine: {podruntime.probe().obstacle}")
    user.extra["CHOREO_UP_RUNTIME"] = str(request.param)
    return user


def test_resources_are_real_servers_that_a_component_uses(user_of: User, tmp_path: Path) -> None:
    user = user_of
    user.choreo("up", "--no-tui")
    types = ("postgres", "valkey", "nats")
    plain = "".join(RESOURCE.format(type=each, release='""') for each in types)
    apply(user, tmp_path, plain)
    releases = {each: until_released(user, f"of-{each}") for each in types}
    bound = "".join(RESOURCE.format(type=each, release=releases[each]) for each in types)
    apply(user, tmp_path, RESOURCES.format(each=bound))
    for each in types:
        until_ready(user, "resourcereleasebinding", f"of-{each}-development")
    until_ready(user, "releasebinding", "notes-development")

    url = user.choreo("url", "notes", "--env", "development")
    code = shortened(url, "https://example.org/kept")

    assert shortened(url, "https://example.org/kept") == code
    # The digests of these two begin alike.
    one, two = (f"https://example.org/{each}" for each in ALIKE)
    codes = [shortened(url, one), shortened(url, two)]
    assert codes[1].startswith(codes[0])
    assert ask(f"{url}/r/{codes[0]}").location == one
    listed = {each["code"] for each in json.loads(ask(f"{url}/api/urls").body)}
    assert listed == {code, *codes}


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="upstream's samples are not here: CHOREO_FIXTURES")
def test_the_url_shortener_works_in_development_and_in_staging(
    user_of: User, tmp_path: Path
) -> None:
    user = user_of
    user.choreo("up", "--demo", "--no-tui")
    user.choreo("apply", "-f", str(SAMPLE / "project.yaml"))
    # Its alert rule wants somebody to tell.
    user.choreo("apply", "-f", str(SAMPLE / "alerting-demo" / "alert-notification-channels.yaml"))
    user.choreo("apply", "-f", str(SAMPLE / "components"))
    apply(user, tmp_path, CHANNEL)
    for component in SERVICES:
        until_ready(user, "releasebinding", f"{component}-development")
    follow(user, "development")
    for component in SERVICES:
        user.choreo("promote", component, "--to", "staging", "--yes")
    for component in SERVICES:
        until_ready(user, "releasebinding", f"{component}-staging")
    follow(user, "staging")
    if user.extra["CHOREO_UP_RUNTIME"] == "sandbox":
        assert reaches(user, "snip-api-service", "snip-postgres") == "connected"
        assert reaches(user, "web", "snip-postgres") == "no answer"


def follow(user: User, environment: str) -> None:
    """Shorten a URL through the page's gateway, follow it, and see the click counted."""
    url = user.choreo("url", "snip-frontend", "--env", environment)
    code = shortened(url, f"https://example.org/{environment}")
    answer = ask(f"{url}/r/{code}")
    assert (answer.status, answer.location) == (
        302,
        f"https://example.org/{environment}",
    )
    counted = json.loads(ask(f"{url}/api/analytics/{code}").body)
    assert counted["clicks"] == 1


def shortened(url: str, target: str) -> str:
    found: list[Answer] = []

    def is_done() -> bool:
        # The gateway hears of a pod a moment after the platform does.
        found.append(ask(f"{url}/api/shorten", json.dumps({"url": target})))
        assert found[-1].status == 201, found[-1].body
        return True

    until(is_done, what=f"{url} shortens", within=_WAIT)
    return str(json.loads(found[-1].body)["code"])


class Answer(NamedTuple):
    """What a service said."""

    status: int
    body: str
    location: str


def ask(url: str, body: str | None = None) -> Answer:
    """GET a URL of the gateway, or POST to it."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=30)
    try:
        connection.request(
            "GET" if body is None else "POST", parts.path, body, {"Host": parts.netloc}
        )
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode(), answer.getheader("location", ""))
    finally:
        connection.close()


def apply(user: User, folder: Path, text: str) -> None:
    file = folder / "objects.yaml"
    file.write_text(text, encoding="utf-8")
    user.choreo("apply", "-f", str(file))


def until_released(user: User, resource: str) -> str:
    """The release of a Resource, once there is one."""
    found: list[str] = []

    def is_released() -> bool:
        status = json.loads(user.choreo("get", "resource", resource, "-o", "json")).get("status")
        found.append(((status or {}).get("latestRelease") or {}).get("name", ""))
        return bool(found[-1])

    until(is_released, what=f"{resource} has a release", within=_WAIT)
    return found[-1]


def until_ready(user: User, noun: str, name: str) -> None:
    """Wait for an object; a failure shows its conditions."""

    def holds() -> bool:
        assert is_ready(user, noun, name), user.choreo("get", noun, name, "-o", "json")[-1500:]
        return True

    until(holds, what=f"{noun} {name} is ready", within=_WAIT)


def is_ready(user: User, noun: str, name: str) -> bool:
    obj = json.loads(user.choreo("get", noun, name, "-o", "json"))
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)


def reaches(user: User, component: str, service: str) -> str:
    """Whether a pod of a component in development can connect to the database of the sample."""
    pods = json.loads(user.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    label = "openchoreo.dev/component"
    mine = next(
        pod["metadata"]
        for pod in pods
        if pod["metadata"]["labels"].get(label) == component
        and pod["metadata"]["labels"].get("openchoreo.dev/environment") == "development"
    )
    theirs = next(
        pod["status"]["podIP"] for pod in pods if pod["metadata"]["labels"].get(label) == service
    )
    program = (
        "import socket\ntry:\n"
        f" socket.create_connection(({theirs!r}, 5432), 3); print('connected')\n"
        "except OSError: print('no answer')"
    )
    words = ("python3", "-c", program)
    return user.kubectl("exec", "-n", mine["namespace"], mine["name"], "--", *words).strip()
