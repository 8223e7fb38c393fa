"""Faults of pods and of the gateway: contained, told, and mended, while the demo goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from choreo_local.embedded import podruntime
from tests.e2e.user import ANOTHER, ROOT, User, ask, person, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MOST_FORKS = 3_000
HOG = """
held = []
for _ in range(20):
    held.append(b"x" * 10_000_000)
import time
time.sleep(120)
"""
# Ends by itself at a number that no machine minds.
BOMB = f"""
i=0
while [ $i -lt {MOST_FORKS} ]; do sleep 120 & i=$((i+1)); done
echo all of them
"""
FILLER = """
import sys, time
with open(sys.argv[1], "wb") as file:
    for _ in range(32):
        file.write(b"x" * 1_000_000)
print("written", flush=True)
time.sleep(600)
"""
TALKER = """
import time
for _ in range(2_000):
    print("x" * 1_000)
time.sleep(600)
"""
GREEDY = """
import time
with open("/tmp/file", "wb", buffering=0) as file:
    while True:
        try:
            file.write(b"x" * 1_000_000)
        except OSError:
            time.sleep(1)
"""
TOO_MUCH = {
    "filler": 'Usage of EmptyDir volume "data" exceeds the limit "8Mi". ',
    "writer": "Pod ephemeral local storage usage exceeds the total limit of containers 8Mi. ",
    "talker": "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ",
}


@pytest.fixture(
    params=[(podruntime.PROCESS, ROOT), (podruntime.SANDBOX, ROOT), (podruntime.SANDBOX, ANOTHER)],
    ids=" ".join,
)
def demo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[User]:
    """A person whose demo runs, with each runtime that this machine has."""
    runtime, kind = request.param
    if runtime == podruntime.SANDBOX and (found := podruntime.probe()).tools is None:
        pytest.skip(f"no sandboxes on this machine: {found.obstacle}")
    with person(kind, tmp_path) as user:
        user.extra["CHOREO_UP_RUNTIME"] = runtime
        user.choreo("up", "--demo", "--no-tui")
        yield user


def test_what_is_killed_comes_back(demo: User) -> None:
    url = demo.choreo("url", "greeter", "--env", "development")
    os.kill(program(demo, "greeter.py").pid, signal.SIGKILL)
    until(lambda: restarts(demo) == 1, what="the restart is counted", within=60)
    until(lambda: ask(url).status == 200, what="the greeter answers again", within=60)
    ended = greeter(demo)["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "Error")

    first = program(demo, "envoy")
    first.kill()
    until(lambda: program(demo, "envoy").pid != first.pid, what="another Envoy runs", within=60)
    until(lambda: ask(url).status == 200, what="the gateway answers again", within=60)
    assert restarts(demo) == 1


def test_what_pods_take_too_much_of_is_taken_back(demo: User) -> None:
    url = demo.choreo("url", "greeter", "--env", "development")
    wanted = {"resources": {"limits": {"memory": "64Mi"}}}
    run(demo, pod("hog", ["python3", "-c", HOG], **wanted))
    for manifest in full_disks():
        run(demo, manifest)
    until(ended(demo, "hog"), what="the hog has been ended", within=60)
    state = told(demo, "hog")["containerStatuses"][0]["state"]["terminated"]
    assert (state["reason"], state["exitCode"]) == ("OOMKilled", 137)
    assert not processes_of(demo, "hog")

    if can(demo, "process-limit"):
        run(demo, pod("bomb", ["sh", "-c", BOMB]))
        until(ended(demo, "bomb"), what="the bomb has gone off", within=120)
        assert "all of them" not in demo.kubectl("logs", "bomb")
        assert told(demo, "bomb")["containerStatuses"][0]["state"]["terminated"]["exitCode"] != 0
        until(lambda: not processes_of(demo, "bomb"), what="nothing is left of it", within=60)
    assert ask(url).status == 200

    for name, message in TOO_MUCH.items():
        until(ended(demo, name), what=f"the full disk of {name} has been noticed", within=90)
        found = told(demo, name)
        assert (found["reason"], found["message"]) == ("Evicted", message)
        disrupted = [each for each in found["conditions"] if each["type"] == "DisruptionTarget"]
        assert [each["reason"] for each in disrupted] == ["TerminationByKubelet"]
        assert not processes_of(demo, name)
    assert ask(url).status == 200
    assert restarts(demo) == 0


def test_a_pod_that_fills_the_disk_of_the_node_has_to_go(user: User) -> None:
    folder = user.folder / "pods"
    folder.mkdir(parents=True, mode=0o700)
    words = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "none", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let file systems be mounted")
    user.extra["CHOREO_UP_RUNTIME"] = podruntime.PROCESS
    try:
        user.choreo("up", "--no-tui")
        run(user, pod("modest", ["sleep", "600"]))
        run(user, pod("greedy", ["python3", "-c", GREEDY]))
        until(ended(user, "greedy"), what="the greedy pod has to go", within=90)
        found = told(user, "greedy")
        assert found["reason"] == "Evicted"
        assert found["message"].startswith("The node was low on resource: ephemeral-storage. ")
        assert "Container main was using " in found["message"]
        until(lambda: not lacks_disk(user), what="the node is well again", within=90)
        run(user, pod("late", ["sleep", "600"]))
        for name in ("modest", "late"):
            user.kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=60s")
    finally:
        user.choreo("down")
        subprocess.run(["umount", "-l", str(folder)], check=False)


def lacks_disk(user: User) -> bool:
    """Whether the node says so, or keeps pods away."""
    (node,) = json.loads(user.kubectl("get", "nodes", "-o", "json"))["items"]
    pressed = [each for each in node["status"]["conditions"] if each["type"] == "DiskPressure"]
    return pressed[0]["status"] == "True" or "taints" in node["spec"]


def pod(name: str, command: list[str], **container: Any) -> dict[str, Any]:
    """A pod that does one thing, once."""
    main = {"name": "main", "image": "choreo.local/web", "command": command, **container}
    spec = {"restartPolicy": "Never", "containers": [main]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def full_disks() -> list[dict[str, Any]]:
    """Pods that write more than they may: to a volume, to their own root, to their log."""
    mount = {"name": "data", "mountPath": "/data"}
    filler = pod("filler", ["python3", "-c", FILLER, "/data/file"], volumeMounts=[mount])
    filler["spec"]["volumes"] = [{"name": "data", "emptyDir": {"sizeLimit": "8Mi"}}]
    little = {"limits": {"ephemeral-storage": "8Mi"}}
    less = {"limits": {"ephemeral-storage": "1Mi"}}
    writer = pod("writer", ["python3", "-c", FILLER, "/tmp/file"], resources=little)
    talker = pod("talker", ["python3", "-c", TALKER], resources=less)
    return [filler, writer, talker]


def run(user: User, manifest: dict[str, Any]) -> None:
    """Apply a manifest."""
    user.kubectl("apply", "-f", "-", text=json.dumps(manifest))


def told(user: User, name: str) -> dict[str, Any]:
    """The status of a pod."""
    found: dict[str, Any] = json.loads(user.kubectl("get", "pod", name, "-o", "json"))["status"]
    return found


def ended(user: User, name: str) -> Callable[[], bool]:
    """A condition: the pod has failed."""
    return lambda: told(user, name)["phase"] == "Failed"


def can(user: User, capability: str) -> bool:
    """Whether the instance says that it has a capability."""
    said = json.loads(user.choreo("status", "-o", "json"))["capabilities"]
    return any(each["available"] for each in said if each["name"] == capability)


def greeter(user: User) -> dict[str, Any]:
    """The pod of the greeter."""
    selector = "openchoreo.dev/component=greeter"
    listed = user.kubectl("get", "pods", "-A", "-l", selector, "-o", "json")
    found: dict[str, Any]
    (found,) = json.loads(listed)["items"]
    return found


def restarts(user: User) -> int:
    """How often the greeter's container was started again."""
    return int(greeter(user)["status"]["containerStatuses"][0]["restartCount"])


def program(user: User, word: str) -> psutil.Process:
    """The innermost process of the instance with this in a word of its command."""
    found = [
        each
        for each in user.children(user.record()["id"])
        if any(part.rpartition("/")[2].startswith(word) for part in command(each))
    ]
    assert found, f"no {word} runs"
    return max(found, key=lambda each: len(each.parents()))


def command(process: psutil.Process) -> list[str]:
    """The words of a process; none of one that has ended."""
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def processes_of(user: User, name: str) -> list[psutil.Process]:
    """What runs in a pod of namespace default."""
    uid = user.kubectl("get", "pod", name, "-o", "jsonpath={.metadata.uid}")
    found = []
    for process in user.children(user.record()["id"]):
        try:
            if process.environ().get("CHOREO_POD") == uid:
                found.append(process)
        except psutil.Error:
            continue
    return found
