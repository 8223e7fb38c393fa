"""A person who acts as somebody else, applies what they may, and looks into containers."""

from __future__ import annotations

import json

import pytest

from tests.e2e.terminal import Terminal
from tests.e2e.user import User, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

HELLO = """
apiVersion: openchoreo.dev/v1alpha1
kind: Workload
metadata: {name: hello, namespace: default}
spec:
  owner: {projectName: default, componentName: hello}
  container: {image: choreo.local/greeter:1.0}
  endpoints:
    http: {type: HTTP, port: 9090, visibility: [external]}
---
apiVersion: openchoreo.dev/v1alpha1
kind: Component
metadata: {name: hello, namespace: default}
spec:
  owner: {projectName: default}
  componentType: {kind: ClusterComponentType, name: deployment/service}
  autoDeploy: true
"""
ENVIRONMENT = """
apiVersion: openchoreo.dev/v1alpha1
kind: Environment
metadata: {name: qa, namespace: default}
spec: {dataPlaneRef: {kind: ClusterDataPlane, name: default}}
"""
CONFIG_MAP = "{apiVersion: v1, kind: ConfigMap, metadata: {name: plain}}"


def _is_ready(user: User) -> bool:
    found = json.loads(user.choreo("get", "releasebinding", "hello-development", "-o", "json"))
    return any(
        each["type"] == "Ready" and each["status"] == "True"
        for each in found["status"]["conditions"]
    )


def test_personas_have_their_own_rights_and_nothing_more(user: User) -> None:
    user.choreo("up", "--no-tui")
    user.choreo("login", "--as", "developer")

    assert user.choreo("apply", "-f", "-", text=HELLO).splitlines() == [
        "workload/hello created",
        "component/hello created",
    ]
    until(lambda: _is_ready(user), what="hello is ready", within=120)
    _look_inside(user)
    _work_in_a_terminal(user)

    refused = user.types("choreo", "apply", "-f", "-", text=ENVIRONMENT)
    assert refused.code == 3
    assert "missing environment:create on ns/default" in refused.err
    for command in (("get", "pods"), ("apply", "-f", "-"), ("snapshot", "save", "s.db")):
        printed = user.types("choreo", *command, text=CONFIG_MAP)
        assert printed.code == 3, printed.err
        assert 'you act as "developer"' in printed.err
    assert "denied" in user.choreo("audit", "--denied")

    user.choreo("login", "--as", "sre")
    refused = user.types("choreo", "exec", "hello", "--", "true")
    assert refused.code == 3
    assert "missing component:exec" in refused.err

    user.choreo("logout")
    assert user.choreo("apply", "-f", "-", text=CONFIG_MAP) == "configmap/plain created"
    assert user.choreo("apply", "-f", "-", text=HELLO).count("unchanged") == 2
    assert user.choreo("env", "list", "-o", "name").splitlines()[0] == "environment/development"
    assert user.choreo("component", "delete", "hello") == "Component 'hello' deleted"
    gone = user.types("choreo", "describe", "component", "hello")
    assert gone.code in {0, 1}, "it may still wait for what belongs to it"


def _look_inside(user: User) -> None:
    """Commands without a terminal: streams, input and exit codes are the command's."""
    ended = user.types(
        "choreo",
        "exec",
        "hello",
        "--env",
        "development",
        "--",
        "sh",
        "-c",
        "cat; echo no >&2; exit 7",
        text="given",
    )
    assert (ended.code, ended.out, ended.err) == (7, "given", "no\n")
    missing = user.types("choreo", "component", "exec", "hello", "--env", "nowhere", "--", "true")
    assert missing.code == 1


def _work_in_a_terminal(user: User) -> None:
    """A shell has our size, and Ctrl-C reaches what runs in it."""
    with Terminal(user, "choreo", "exec", "hello", columns=83, lines=21) as terminal:
        terminal.until(lambda text: bool(text.strip()), what="a prompt")
        terminal.press("stty size\r")
        terminal.sees("21 83")
        terminal.press("echo begun; sleep 1000\r")
        terminal.until(lambda text: text.count("begun") == 2, what="the sleep began")
        terminal.press("\x03echo still $((40 + 2))\r")
        terminal.sees("still 42")
        terminal.press("exit\r")
