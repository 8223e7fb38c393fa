"""The demo with its pods in a container engine: it answers, cells are closed, nothing is left."""

from __future__ import annotations

import json
import os
import socket

import pytest

from choreo_local.embedded.kubelet.docker import leftovers
from choreo_local.embedded.kubelet.docker.sockets import EngineFacts
from choreo_local.embedded.network.isolated import router
from tests.e2e.sandboxes import Cluster, container, idle, pod, python, service
from tests.e2e.user import User, ask, until
from tests.embedded.kubelet.docker import engines

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

_SERVER = """
import http.server
http.server.test(http.server.SimpleHTTPRequestHandler, port=8080, bind="0.0.0.0")
"""
_ASK = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2])).status)
except OSError as error:
    print("refused" if "refused" in str(error) else "no answer")
"""


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest) -> EngineFacts:
    """An engine of this machine; skips the test where it does not answer."""
    return engines.engine(str(request.param))


@pytest.fixture
def contained(user: User, engine: EngineFacts) -> Cluster:
    """A person whose pods run in the engine."""
    user.extra["CHOREO_UP_RUNTIME"] = "docker"
    user.extra["DOCKER_HOST"] = f"unix://{engine.socket}"
    return Cluster(user)


def test_the_demo_runs_in_an_engine_and_leaves_nothing(
    contained: Cluster, engine: EngineFacts
) -> None:
    user = contained.user
    contained.start("--demo")
    instance_id = user.record()["id"]
    told = json.loads(user.choreo("status", "-o", "json"))
    can = {each["name"]: each["available"] for each in told["capabilities"]}
    assert can["network-policy"]
    assert can["users"]
    node = contained.asks("/api/v1/nodes/choreo")
    version = node["status"]["nodeInfo"]["containerRuntimeVersion"]
    assert version == f"{engine.name}://{engine.version}"
    for component in ("greeter", "web"):
        user.choreo("promote", component, "--to", "staging", "--yes")
    for environment in ("development", "staging"):
        until(lambda: "Hello" in _web(user, environment), what="it answers", within=120)  # noqa: B023 - called at once
    user.choreo("down")
    assert leftovers.containers(engine.socket, instance_id) == []
    assert router.link_name(instance_id) not in {name for _, name in socket.if_nameindex()}
    assert len(leftovers.images(engine.socket, instance_id)) == 1
    user.choreo("down", "--purge", "--yes")
    assert leftovers.images(engine.socket, instance_id) == []


def _web(user: User, environment: str) -> str:
    return ask(user.choreo("url", "web", "--env", environment)).body


def test_a_killed_instance_is_mended_or_cleared_away(
    contained: Cluster, engine: EngineFacts
) -> None:
    user = contained.user
    contained.start("--demo")
    record = user.record()

    def are_there() -> bool:
        return len(leftovers.containers(engine.socket, record["id"])) == 4

    until(are_there, what="two pods of two containers each are left", within=60)
    os.kill(record["pid"], 9)
    # Without being told again.
    del user.extra["CHOREO_UP_RUNTIME"]
    user.choreo("up", "--no-tui")
    until(lambda: "Hello" in _web(user, "development"), what="it answers again", within=120)
    until(are_there, what="they are there again", within=60)
    os.kill(user.record()["pid"], 9)
    # Nor where the engine is.
    del user.extra["DOCKER_HOST"]
    planned = user.choreo("down", "--purge", "--dry-run")
    assert planned.count("container ") == 4
    user.choreo("down")
    assert leftovers.containers(engine.socket, record["id"]) == []
    user.choreo("down", "--purge", "--yes")
    assert leftovers.images(engine.socket, record["id"]) == []


_CLOSED = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "friends-only"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "server"}},
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}],
    },
}
_OPEN_TO_OTHERS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "neighbours-too"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "server"}},
        "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"side": "near"}}}]}],
    },
}


def test_services_names_and_policies_hold_between_namespaces(contained: Cluster) -> None:
    contained.start()
    contained.kubectl("create", "namespace", "near")
    contained.kubectl("label", "namespace", "near", "side=near")
    server = python(_SERVER, ports=[{"name": "http", "containerPort": 8080}])
    contained.apply(
        pod("server", server, labels={"app": "server"}),
        service("server", {"app": "server"}),
        pod("friend", idle(), labels={"role": "friend"}),
        pod("stranger", idle()),
    )
    contained.kubectl("apply", "-n", "near", "-f", "-", text=json.dumps(pod("far", idle())))
    contained.until_ready("server", "friend", "stranger")
    contained.kubectl("wait", "-n", "near", "pod/far", "--for=condition=Ready", "--timeout=90s")

    def asked(name: str, address: str, seconds: int, namespace: str = "default") -> str:
        command = ["python3", "-c", _ASK, address, str(seconds)]
        return contained.kubectl("exec", "-n", namespace, name, "--", *command)

    whole = "http://server.default.svc.cluster.local"
    until(lambda: asked("friend", "http://server", 20) == "200", what="it listens", within=90)
    assert asked("stranger", whole, 20) == "200"
    assert asked("far", whole, 20, "near") == "200"
    contained.apply(_CLOSED)
    until(lambda: asked("stranger", whole, 1) == "no answer", what="it is closed", within=60)
    assert asked("far", whole, 1, "near") == "no answer"
    assert asked("friend", whole, 20) == "200"
    contained.apply(_OPEN_TO_OTHERS)
    until(lambda: asked("far", whole, 2, "near") == "200", what="it is opened", within=60)
    assert asked("stranger", whole, 1) == "no answer"


def test_kubectl_follows_runs_and_measures_what_is_in_an_engine(contained: Cluster) -> None:
    contained.start()
    crashing = container("sh", "-c", "echo attempt; exit 3", name="crashing")
    contained.apply(pod("pair", python(_SERVER), crashing))
    until(
        lambda: contained.container("pair", "crashing")["restartCount"] >= 2,
        what="the kubelet restarts it",
        within=90,
    )
    ended = contained.container("pair", "crashing")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    logs = contained.kubectl("logs", "pair", "-c", "crashing", "--previous")
    assert logs == "attempt"
    assert contained.runs("pair", "tr", "a-z", "A-Z", text="loud") == "LOUD"
    file = contained.user.home / "given"
    file.write_text("copied\n", encoding="utf-8")
    contained.kubectl("cp", str(file), "pair:/tmp/given", "-c", "main")
    assert contained.runs("pair", "cat", "/tmp/given") == "copied"
    usage = json.loads(
        contained.kubectl("get", "--raw", "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods")
    )
    (found,) = usage["items"]
    measured = {each["name"]: each["usage"] for each in found["containers"]}
    assert int(measured["main"]["memory"].removesuffix("Ki")) > 1000
