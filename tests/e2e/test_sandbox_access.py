"""Reaching into sandboxed pods: commands, terminals, files, ports, logs, usage, debugging."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.sandboxes import Cluster, container, idle, pod, python
from tests.e2e.terminal import Terminal
from tests.e2e.user import ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

# Answers with all that was sent, once the sender has no more to say.
REPEATER = """
import socket, threading

def served(caller):
    with caller:
        heard = b""
        while piece := caller.recv(65536):
            heard += piece
        caller.sendall(heard[::-1])

listening = socket.create_server(("0.0.0.0", 7000), backlog=200)
while True:
    caller, _ = listening.accept()
    threading.Thread(target=served, args=(caller,), daemon=True).start()
"""
SERVER = "import http.server as s; s.test(s.SimpleHTTPRequestHandler, port={}, bind='{}')"
LISTENER = """
import sys
print("tell me", flush=True)
for line in sys.stdin:
    print("heard " + line.strip(), flush=True)
    if line.strip() == "end":
        break
"""
TALKER = """
import sys, time
for number in range(int(sys.argv[1])):
    print(f"{number:08}", "x" * 1000)
print("all said", flush=True)
time.sleep(9999)
"""
MANY_LINES = 25_000
SAYING = "echo one; echo two >&2; sleep 2; echo three; sleep 9999"


@pytest.fixture(scope="module", autouse=True)
def reached(cluster: Cluster) -> None:
    """Pods to reach into."""
    cluster.apply(
        pod("main", idle(), python(REPEATER, name="repeater")),
        pod("page", python(SERVER.format(8080, "127.0.0.1"))),
        pod("listener", python(LISTENER, stdin=True), restartPolicy="Never"),
        pod("talker", python(TALKER, str(MANY_LINES)), container("sh", "-c", SAYING, name="other")),
    )
    cluster.until_ready("main", "page", "listener", "talker")


def test_commands_have_streams_and_an_end(cluster: Cluster) -> None:
    script = "cat; echo problem >&2; exit 7"
    printed = cluster.tries("exec", "-i", "main", "-c", "main", "--", "sh", "-c", script, text="in")
    assert (printed.out, printed.code) == ("in", 7)
    assert "problem" in printed.err
    assert "exit code 7" in printed.err
    missing = cluster.tries("exec", "main", "-c", "main", "--", "no-such-program")
    assert missing.code != 0
    assert "no-such-program" in missing.err
    assert "executable file not found" in missing.err
    text = "all kinds of words\n" * 200_000
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    assert cluster.runs("main", "md5sum", text=text).split()[0] == digest
    assert len(cluster.runs("main", "sh", "-c", "yes 0123456789 | head -n 300000")) == 3_299_999


def test_a_terminal_has_a_size_that_follows(cluster: Cluster) -> None:
    words = cluster.command("exec", "-it", "main", "-c", "main", "--", "sh")
    with Terminal(cluster.user, *words, columns=90, lines=30) as terminal:
        terminal.press("test -t 0 && echo small > /dev/tty && stty size\n")
        terminal.sees("small", "30 90")
        waiting = "while [ \"$(stty size)\" != '40 100' ]; do sleep 0.1; done"
        terminal.press(f"{waiting}; echo re''sized\n")
        terminal.resize(columns=100, lines=40)
        terminal.sees("resized")
        terminal.press("exit 3\n")
        assert terminal.ended() == 3


def test_a_program_that_listens_is_told_things(cluster: Cluster) -> None:
    printed = cluster.tries("attach", "-i", "listener", text="hello\nend\n")
    assert "heard hello" in printed.out
    assert cluster.until_ended("listener")["phase"] == "Succeeded"
    assert cluster.log("listener").splitlines() == [
        "tell me",
        "heard hello",
        "heard end",
    ]


def test_files_are_copied_both_ways(cluster: Cluster) -> None:
    here = cluster.user.home
    folder = here / "given"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "odd name.txt").write_text("content\n")
    (folder / "large").write_bytes(bytes(range(256)) * 8192)
    cluster.kubectl("cp", str(folder), "main:/tmp/taken", "-c", "main")
    assert cluster.runs("main", "cat", "/tmp/taken/deep/odd name.txt") == "content"
    cluster.kubectl("cp", "main:/tmp/taken", str(here / "back"), "-c", "main")
    assert (here / "back" / "deep" / "odd name.txt").read_text() == "content\n"
    assert (here / "back" / "large").read_bytes() == (folder / "large").read_bytes()
    image = cluster.import_busybox()
    cluster.apply(pod("busy", container("/bin/sleep", "9999", image=image)))
    cluster.until_ready("busy")
    cluster.kubectl("cp", str(folder / "large"), "busy:/tmp/large")
    cluster.kubectl("cp", "busy:/tmp/large", str(here / "again"))
    assert (here / "again").read_bytes() == (folder / "large").read_bytes()


@contextlib.contextmanager
def forwarded(
    cluster: Cluster, pod: str, *ports: int
) -> Iterator[tuple[dict[int, int], list[str]]]:
    """Ports of a pod → ports of this machine, and what the command says."""
    words = cluster.command("port-forward", f"pod/{pod}", *(f":{port}" for port in ports))
    with cluster.user.follows(*words) as lines:

        def known() -> dict[int, int]:
            found = re.findall(r"127\.0\.0\.1:(\d+) -> (\d+)", "".join(lines))
            return {int(theirs): int(ours) for ours, theirs in found}

        until(lambda: set(known()) == set(ports), what="the ports are forwarded", within=60)
        yield known(), lines


def repeated(port: int, words: bytes) -> bytes:
    """What comes back for some words, once no more follow."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as asking:
        asking.sendall(words)
        asking.shutdown(socket.SHUT_WR)
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := asking.recv(65536):
                heard += piece
        return heard


def test_ports_are_forwarded_for_many_at_once(cluster: Cluster) -> None:
    with forwarded(cluster, "main", 7000) as (ports, _), ThreadPoolExecutor(20) as pool:
        words = [f"number {number} ".encode() * (1 + 500 * (number % 5)) for number in range(40)]
        answers = pool.map(lambda each: repeated(ports[7000], each), words)
        assert list(answers) == [each[::-1] for each in words]
    # Nobody listens here: who asks is not left waiting, and is told.
    with forwarded(cluster, "main", 7001) as (ports, lines):
        assert repeated(ports[7001], b"x") == b""
        until(lambda: "refused" in "".join(lines), what="it is said why", within=60)
    # A server that listens on localhost alone is reached too.
    with forwarded(cluster, "page", 8080) as (ports, _):
        assert ask(f"http://localhost:{ports[8080]}/").status == 200


def test_logs_are_read_in_all_ways(cluster: Cluster) -> None:
    until(lambda: "three" in cluster.log("talker", "other"), what="all is said")
    assert cluster.log("talker", "other").splitlines() == ["one", "two", "three"]
    assert cluster.kubectl("logs", "talker", "-c", "other", "--tail=1") == "three"
    stamped = cluster.kubectl("logs", "talker", "-c", "other", "--timestamps").splitlines()
    moments = [line.split()[0] for line in stamped]
    assert moments == sorted(moments)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", each) for each in moments)
    since = cluster.kubectl("logs", "talker", "-c", "other", f"--since-time={moments[2]}")
    assert since.splitlines()[-1] == "three"
    assert "one" not in since
    both = cluster.kubectl("logs", "talker", "--all-containers", "--prefix", "--tail=1")
    assert "[pod/talker/other] three" in both
    assert len(cluster.kubectl("logs", "talker", "-c", "main", "--limit-bytes=100")) == 100
    printed = cluster.tries("logs", "talker", "-c", "main", "--previous")
    assert 'previous terminated container "main" in pod "talker" not found' in printed.err


def test_a_log_that_grows_large_is_cut_without_a_gap(cluster: Cluster) -> None:
    last = cluster.kubectl("logs", "talker", "-c", "main", "--tail=1")
    until(
        lambda: cluster.kubectl("logs", "talker", "-c", "main", "--tail=1") == "all said",
        what=f"all is said, after {last[:8]}",
        within=90,
    )
    lines = cluster.log("talker", "main").splitlines()
    numbers = [int(line.split()[0]) for line in lines[:-1]]
    assert numbers == list(range(numbers[0], MANY_LINES))
    words = cluster.command("logs", "-f", "talker", "-c", "main", "--tail=5")
    with cluster.user.follows(*words) as followed:
        until(lambda: len(followed) == 5, what="the log is followed", within=60)
        assert followed[-1] == "all said\n"


def test_usage_is_told(cluster: Cluster) -> None:
    def table(*words: str) -> list[list[str]]:
        return [line.split() for line in cluster.kubectl("top", *words).splitlines()[1:]]

    pods = {row[0]: row[1:] for row in table("pods")}
    assert {"main", "page", "talker"} <= set(pods)
    assert all(re.fullmatch(r"\d+m", row[0]) for row in pods.values())
    # A Python program needs a few.
    assert int(pods["page"][1].removesuffix("Mi")) >= 3
    containers = {(row[0], row[1]) for row in table("pods", "--containers")}
    assert {("main", "main"), ("main", "repeater")} <= containers
    assert len(table("nodes")) == 1


def test_a_pod_is_looked_into_with_a_container_of_ones_own(cluster: Cluster) -> None:
    cluster.kubectl(
        "debug", "page", "--image=choreo.local/web", "--container=look", "--", "sleep", "9999"
    )
    until(
        lambda: "running" in cluster.container("page", "look")["state"],
        what="it runs",
        within=60,
    )
    program = """
    import json, urllib.request
    print(json.dumps(urllib.request.urlopen("http://127.0.0.1:8080/", timeout=20).status))
    """
    words = ["python3", "-c", program.replace("\n    ", "\n")]
    # They share their network, so that it reaches what listens on localhost.
    assert cluster.runs("page", *words, container="look") == "200"
    cluster.kubectl("debug", "page", "--copy-to=copy", "--set-image=*=choreo.local/web")
    cluster.until_ready("copy")
    assert cluster.container("page")["restartCount"] == 0


def test_pods_are_reached_through_the_kube_api(cluster: Cluster) -> None:
    cluster.apply(pod("server", python(SERVER.format(8081, "0.0.0.0"))))
    cluster.until_ready("server")
    place = "/api/v1/namespaces/default/pods/server:8081/proxy/"
    until(
        lambda: "Directory listing" in cluster.tries("get", "--raw", place).out,
        what="the page comes through",
        within=60,
    )
