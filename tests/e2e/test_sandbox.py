"""The demo with its pods in sandboxes: it answers, cells are closed, and nothing is left behind."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from choreo_local.embedded import podruntime
from choreo_local.embedded.kubelet import controlgroups
from choreo_local.embedded.network.isolated import router
from tests.e2e.user import ANOTHER, CONFINED, ROOT, User, ask, person, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_ASK = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2])).status)
except OSError as error:
    print("refused" if "refused" in str(error) else "no answer")
"""
_STRANGER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "stranger"},
    "spec": {
        "containers": [
            {"name": "main", "image": "choreo.local/web", "command": ["sleep", "3600"]},
        ]
    },
}


@pytest.fixture(params=[ROOT, ANOTHER])
def sandboxed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[User]:
    """A person whose pods run in sandboxes; skips the test where there can be none."""
    found = podruntime.probe()
    if found.tools is None:
        pytest.skip(f"no sandboxes on this machine: {found.obstacle}")
    with person(request.param, tmp_path) as user:
        user.extra["CHOREO_UP_RUNTIME"] = "sandbox"
        yield user


def test_the_demo_runs_in_sandboxes_and_leaves_nothing(sandboxed: User) -> None:
    user = sandboxed
    user.choreo("up", "--demo", "--no-tui")
    instance_id = user.record()["id"]
    told = json.loads(user.choreo("status", "-o", "json"))
    can = {each["name"]: each["available"] for each in told["capabilities"]}
    assert can["network-policy"]
    assert can["file-isolation"]
    url = user.choreo("url", "web", "--env", "development")
    until(lambda: ask(url).status == 200, what="the demo answers", within=60)
    until(lambda: "Hello" in ask(url).body, what="the web reaches the greeter", within=60)
    assert are_apart(user, instance_id)
    user.choreo("down")
    until(lambda: traces(user, instance_id) == [], what="nothing is left", within=60)


def test_a_cell_is_closed_to_strangers(sandboxed: User) -> None:
    user = sandboxed
    user.choreo("up", "--demo", "--no-tui")
    url = user.choreo("url", "web", "--env", "development")
    until(lambda: "Hello" in ask(url).body, what="the demo answers", within=60)
    user.kubectl("apply", "-f", "-", text=json.dumps(_STRANGER))
    user.kubectl("wait", "pod/stranger", "--for=condition=Ready", "--timeout=60s")
    pods = json.loads(user.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    (greeter,) = [each for each in pods if each["metadata"]["name"].startswith("greeter-")]
    (web,) = [each for each in pods if each["metadata"]["name"].startswith("web-")]
    cell = greeter["metadata"]["namespace"]
    place = f"http://{greeter['status']['podIP']}:9090/greeter/greet"

    def asked(pod: str, namespace: str, address: str, seconds: int) -> str:
        command = ["python3", "-c", _ASK, address, str(seconds)]
        return user.kubectl("exec", "-n", namespace, pod, "--", *command)

    assert asked(web["metadata"]["name"], cell, place, 60) == "200"
    by_name = f"http://greeter.{cell}.svc.cluster.local:9090/greeter/greet"
    assert asked(web["metadata"]["name"], cell, by_name, 60) == "200"
    assert asked("stranger", "default", place, 2) == "no answer"
    assert asked("stranger", "default", by_name, 2) == "no answer"


def test_kill_of_the_instance_leaves_nothing_that_runs(sandboxed: User) -> None:
    user = sandboxed
    user.choreo("up", "--demo", "--no-tui")
    record = user.record()
    os.kill(record["pid"], 9)
    # Control groups do not end with what was in them.
    until(lambda: running(user, record["id"]) == [], what="nothing runs any more", within=60)
    # Without being told again.
    del user.extra["CHOREO_UP_RUNTIME"]
    user.choreo("up", "--no-tui")
    url = user.choreo("url", "web", "--env", "development")
    until(lambda: ask(url).status == 200, what="the demo answers again", within=60)
    assert are_apart(user, record["id"])
    user.choreo("down")
    until(lambda: traces(user, record["id"]) == [], what="nothing is left", within=60)


def test_where_namespaces_are_forbidden_pods_are_plain_processes(tmp_path: Path) -> None:
    reason = "cannot make a user namespace"
    with person(CONFINED, tmp_path) as user:
        user.extra["CHOREO_UP_RUNTIME"] = "auto"
        # The wish is not kept: the next start takes what can be had.
        refused = user.types("choreo", "up", "--no-tui", "--runtime", "sandbox")
        assert refused.code == 1
        assert reason in refused.err
        assert "--runtime process" in refused.err
        started = user.types("choreo", "up", "--demo", "--no-tui")
        assert started.code == 0, started.err
        assert f"Pods are plain processes: {reason}" in started.err
        url = user.choreo("url", "web", "--env", "development")
        until(lambda: "Hello" in ask(url).body, what="the demo answers", within=60)
        told = json.loads(user.choreo("status", "-o", "json"))
        lacking = {each["name"]: each for each in told["capabilities"]}
        why = lacking["sandboxes"]["reason"]
        assert why.startswith(reason)
        assert "user.max_user_namespaces" in why
        for name in ("network-policy", "file-isolation", "process-limit"):
            assert not lacking[name]["available"]
            assert why in lacking[name]["reason"]
        (line,) = [one for one in user.choreo("status").splitlines() if "network-policy" in one]
        assert "✗" in line
        assert why in line
        node = json.loads(user.kubectl("get", "node", "choreo", "-o", "json"))
        assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("process:")


def are_apart(user: User, instance_id: str) -> bool:
    """Whether there are pods, and none of them is in this machine's network."""
    pods = [each for each in user.children(instance_id) if "CHOREO_POD" in each.environ()]
    networks = {os.readlink(f"/proc/{each.pid}/ns/net") for each in pods}
    return bool(networks) and os.readlink("/proc/self/ns/net") not in networks


def running(user: User, instance_id: str) -> list[str]:
    """What lives of an instance: processes, the link to its network."""
    found = [str(each) for each in user.children(instance_id)]
    # What lost its mark still shows by the files that it was started with.
    found += [str(each) for each in psutil.process_iter() if _works_in(each, user.home)]
    links = {name for _, name in socket.if_nameindex()} & {router.link_name(instance_id)}
    return [*found, *links]


def _works_in(process: psutil.Process, home: Path) -> bool:
    try:
        words = [*process.cmdline(), *process.environ().values()]
    except (psutil.Error, OSError):
        return False
    return any(str(home) in word for word in words)


def traces(user: User, instance_id: str) -> list[str]:
    """Whatever there still is of an instance."""
    groups = Path("/sys/fs/cgroup").rglob(controlgroups.group_name(instance_id))
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [
        *running(user, instance_id),
        *(str(each) for each in groups),
        *(each for each in mounts if str(user.home) in each),
    ]
