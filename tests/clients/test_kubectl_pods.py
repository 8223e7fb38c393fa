"""kubectl and running containers: logs, exec, attach, cp, port-forward, debug, top."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from tests.clients.kubectl import Kubectl
from tests.e2e.user import ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: talker, labels: {app: talker}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: talker
      image: choreo.local/web:1.0
      command: [sh, -c]
      args: ["echo one; echo two >&2; while read line; do echo heard $line; done; sleep 600"]
      stdin: true
    - name: second
      image: choreo.local/web:1.0
      command: [sh, -c, "echo beside; sleep 600"]
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - {name: web, image: "choreo.local/web:1.0", ports: [{containerPort: 8080, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
"""


@pytest.fixture
def pods(kubectl: Kubectl) -> Iterator[Kubectl]:
    """A namespace with a pod of two containers, and a web server with its service."""
    kubectl("apply", "-f", "-", text=PODS)
    kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=120s")
    yield kubectl
    kubectl("delete", "pod", "--all", "--wait=false", "--grace-period=1")


def test_logs_of_containers_pods_and_selections(pods: Kubectl) -> None:
    logs = ("logs", "talker", "-c", "talker")
    until(lambda: sorted(pods(*logs).split()) == ["one", "two"], what="both lines are written")
    assert pods(*logs, "--tail=0") == ""
    assert len(pods(*logs, "--tail=1").splitlines()) == 1
    assert pods(*logs, "--limit-bytes=3") in {"one", "two"}
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z? ?", pods(*logs, "--timestamps"))
    assert pods(*logs, "--since=1h", "--timestamps=false")
    assert pods("logs", "talker", "--since-time=2030-01-01T00:00:00Z") == ""
    assert "beside" in pods("logs", "talker", "--all-containers")
    prefixed = pods("logs", "-l", "app=talker", "--all-containers", "--prefix")
    assert "[pod/talker/second] beside" in prefixed
    assert "container nothing is not valid" in pods.refuses("logs", "talker", "-c", "nothing")
    said = pods.refuses("logs", "talker", "-c", "second", "--previous")
    assert "previous terminated container" in said
    with pods.follows("logs", "web", "-f") as lines:
        with pods.follows("port-forward", "pod/web", ":8080") as forwarded:
            url = _forwarded(forwarded)
            ask(f"{url}/marked", within=30)
        until(lambda: "marked" in "".join(lines), what="a new line follows")


def test_exec_carries_streams_and_exit_codes(pods: Kubectl) -> None:
    run = ("exec", "talker", "-c", "second")
    printed = pods.runs(*run, "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (printed.code, printed.out) == (7, "out\n")
    assert "err\n" in printed.err
    assert pods(*run, "-i", "--", "cat", text="through\n") == "through"
    many = "x" * 70 + "\n"
    assert pods.runs(*run, "-i", "--", "cat", text=many * 20_000).out == many * 20_000
    assert pods("exec", "service/web", "--", "sh", "-c", "echo $HOSTNAME") == "web"
    missing = pods.runs(*run, "--", "no-such-program")
    assert missing.code != 0
    assert "no-such-program" in missing.err
    assert "not found" in pods.refuses("exec", "absent", "--", "true")
    assert "container nothing is not valid" in pods.refuses(
        "exec", "talker", "-c", "nothing", "--", "true"
    )


def test_attach_reaches_the_main_process(pods: Kubectl) -> None:
    attach = ["attach", "talker", "-c", "talker", "-i"]
    command = [str(pods.program), "-n", pods.namespace, *attach]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=pods.user.environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(b"me\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"heard me\n"
        finally:
            process.kill()
    assert "heard me" in pods("logs", "talker", "-c", "talker")


def test_files_are_copied_both_ways(pods: Kubectl) -> None:
    pods.file("folder/a.txt", "first\n")
    big = pods.file("folder/deeper/b.bin", "0123456789" * 300_000)
    folder = str(pods.user.home / pods.namespace)
    pods("cp", big, "web:/tmp/b.bin")
    pods("cp", "web:/tmp/b.bin", f"{folder}/back.bin")
    assert pods.user.home.joinpath(pods.namespace, "back.bin").read_text() == "0123456789" * 300_000
    pods("cp", f"{folder}/folder", f"{pods.namespace}/web:/tmp/copied")
    assert pods("exec", "web", "--", "cat", "/tmp/copied/a.txt") == "first"
    pods("cp", "web:/tmp/copied", f"{folder}/returned")
    assert pods.user.home.joinpath(pods.namespace, "returned/a.txt").read_text() == "first\n"
    pods.runs("cp", "web:/tmp/absent", f"{folder}/absent")
    assert not pods.user.home.joinpath(pods.namespace, "absent").exists()


def test_port_forward_to_pods_and_services(pods: Kubectl) -> None:
    for target, port in (("pod/web", "8080"), ("pod/web", "http"), ("service/web", "80")):
        with pods.follows("port-forward", target, f":{port}") as lines:
            url = _forwarded(lines)
            for _ in range(3):
                with urlopen(f"{url}/healthz", timeout=30) as answer:
                    assert answer.read() == b"ok\n"
    with pods.follows("port-forward", "pod/web", ":8080", ":9999") as lines:
        urlopen(f"{_forwarded(lines)}/healthz", timeout=30).close()


def test_debug_adds_a_container_and_copies_pods(pods: Kubectl) -> None:
    image = "--image=choreo.local/web:1.0"
    says = ("sh", "-c", "echo looking")
    pods("debug", "talker", image, "-c", "look", "--target=talker", "--", *says)
    until(lambda: pods.runs("logs", "talker", "-c", "look").out == "looking\n", what="it ran")
    state = pods.at("pod", "talker", ".status.ephemeralContainerStatuses[0].state")
    until(
        lambda: (
            "terminated" in pods.at("pod", "talker", ".status.ephemeralContainerStatuses[0].state")
        ),
        what="its end is reported",
    )
    assert pods.at("pod", "talker", ".status.phase") == "Running", state
    assert "Ephemeral Containers:" in pods("describe", "pod", "talker")
    pods("debug", "web", "--copy-to=copy", "--set-image=*=choreo.local/web:2.0", "--same-node")
    pods("wait", "pod/copy", "--for=condition=Ready", "--timeout=120s")
    assert pods.at("pod", "copy", ".spec.containers[0].image") == "choreo.local/web:2.0"


def test_top_shows_what_pods_and_nodes_use(pods: Kubectl) -> None:
    until(lambda: pods.runs("top", "pod", "web").code == 0, what="metrics are there", within=90)
    row = pods("top", "pod", "web", "--no-headers").split()
    assert row[0] == "web"
    assert row[1].endswith("m")
    assert row[2].endswith("Mi")
    assert "second" in pods("top", "pod", "talker", "--containers")
    assert pods("top", "pod", "-l", "app=web", "--sort-by=memory")
    assert "MEMORY" in pods("top", "node")


def test_pods_are_shown_as_kubectl_users_know_them(pods: Kubectl) -> None:
    rows = [line.split() for line in pods("get", "pods", "--no-headers").splitlines()]
    assert [row[:4] for row in rows] == [
        ["talker", "2/2", "Running", "0"],
        ["web", "1/1", "Running", "0"],
    ]
    wide = pods("get", "pods", "web", "-o", "wide", "--no-headers").split()
    assert wide[5] == pods.at("pod", "web", ".status.podIP")
    described = pods("describe", "pod", "web")
    for word in ("Scheduled", "Pulled", "Created", "Started"):
        assert word in described
    assert pods("get", "pods", "--field-selector=status.phase=Running", "-o", "name").count("pod/")
    assert pods("get", "pods", "--field-selector=status.phase=Failed", "-o", "name") == ""


def _forwarded(lines: list[str]) -> str:
    """The address that a port-forward printed first."""
    until(lambda: bool(lines), what="the port is forwarded")
    found = re.match(r"Forwarding from (127\.0\.0\.1:\d+) ->", lines[0])
    assert found, lines
    return f"http://{found[1]}"
