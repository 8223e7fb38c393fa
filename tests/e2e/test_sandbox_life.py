"""The life of containers in sandboxes: probes, hooks, order, ends, and what is told of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from choreo_local import pki
from tests.e2e.sandboxes import Cluster, Object, container, idle, pod, python
from tests.e2e.user import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

# Answers 200 to those who ask for it in the right way; gRPC's health on another port.
HEALTH = r"""
import http.server, os, socket, ssl, subprocess, threading

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/ok" if os.path.exists("/tmp/good") else "/bad")
        elif self.path == "/bad" or self.headers.get("X-Probe") != "yes":
            self.send_response(500)
        else:
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass

def frame(kind, flags, stream, payload):
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload

def grpc():
    listening = socket.create_server(("0.0.0.0", 9000))
    while True:
        caller, _ = listening.accept()
        with caller:
            caller.recv(65536)
            serving = b"\x08\x01" if os.path.exists("/tmp/good") else b"\x08\x02"
            body = b"\0" + len(serving).to_bytes(4, "big") + serving
            caller.sendall(frame(4, 0, 0, b"") + frame(1, 4, 1, b"\x88") + frame(0, 0, 1, body))
            caller.sendall(frame(1, 5, 1, b"\x00\x0bgrpc-status\x010"))

threading.Thread(target=grpc, daemon=True).start()
if os.environ.get("CERTIFICATE"):
    with open("/tmp/pair.pem", "w") as file:
        file.write(os.environ["CERTIFICATE"])
    secured = http.server.ThreadingHTTPServer(("0.0.0.0", 8443), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/tmp/pair.pem")
    secured.socket = context.wrap_socket(secured.socket, server_side=True)
    threading.Thread(target=secured.serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Answer).serve_forever()
"""
# Says when it is asked to end, and takes its time.
SLOW_ENDER = """
import signal, sys, time
def ended(*_):
    print("asked", time.time(), flush=True)
    time.sleep({seconds})
    print("ended", time.time(), flush=True)
    sys.exit({code})
signal.signal(signal.SIGTERM, ended)
print("ready", flush=True)
while True:
    time.sleep(60)
"""
HEADERS = [{"name": "X-Probe", "value": "yes"}]


def http_get(path: str = "/ok", port: int = 8080, **fields: Any) -> Object:
    return {"httpGet": {"path": path, "port": port, "httpHeaders": HEADERS, **fields}}


def often(action: Object, **fields: Any) -> Object:
    """A probe that asks every second."""
    return {**action, "periodSeconds": 1, "timeoutSeconds": 5, **fields}


def is_ready(cluster: Cluster, name: str) -> bool:
    return bool(cluster.container(name)["ready"])


def terminated(cluster: Cluster, pod: str, name: str = "main") -> Object:
    """How a container ended, last time."""
    status = cluster.container(pod, name)
    found: Object = (
        status["state"].get("terminated") or status.get("lastState", {}).get("terminated") or {}
    )
    return found


def told(cluster: Cluster, pod: str, words: str) -> Callable[[], bool]:
    """A condition: an event about a pod says something."""
    return lambda: any(words in each for each in cluster.events(pod))


def test_readiness_is_asked_for_in_all_ways(cluster: Cluster, tmp_path: Path) -> None:
    ways = {
        "http": http_get(),
        "moved": http_get("/moved"),
        "tls": http_get(port=8443, scheme="HTTPS"),
        "tcp": {"tcpSocket": {"port": 8080}},
        "exec": {"exec": {"command": ["test", "-f", "/tmp/good"]}},
        "grpc": {"grpc": {"port": 9000}},
    }
    own = {name: often(action, failureThreshold=1) for name, action in ways.items()}
    own["headless"] = often({"httpGet": {"path": "/ok", "port": 8080}})
    authority = pki.ensure_authority(tmp_path, "nobody's")
    made = pki.issue_server(authority, "server", ["localhost"])
    # Nobody trusts it, and probes do not mind.
    variables = [{"name": "CERTIFICATE", "value": (made.key + made.certificate).decode()}]
    cluster.apply(
        *(
            pod(name, python(HEALTH, readinessProbe=probe, env=variables))
            for name, probe in own.items()
        )
    )
    cluster.until_ready("http", "tls", "tcp")
    waiting = ("moved", "exec", "grpc")
    until(
        lambda: all(any("Readiness" in each for each in cluster.events(n)) for n in waiting),
        what="those that are not ready say so",
        within=60,
    )
    assert not any(is_ready(cluster, name) for name in waiting)
    for name in waiting:
        cluster.runs(name, "touch", "/tmp/good")
    cluster.until_ready(*waiting)
    for name in waiting:
        cluster.runs(name, "rm", "/tmp/good")
    until(
        lambda: not any(is_ready(cluster, name) for name in waiting),
        what="they are not ready any more",
        within=60,
    )
    # Nothing of this is a reason to restart.
    assert {cluster.container(name)["restartCount"] for name in own} == {0}
    assert not is_ready(cluster, "headless")
    assert told(cluster, "headless", "HTTP probe failed with statuscode: 500")()


def test_a_container_that_does_not_answer_is_restarted(cluster: Cluster) -> None:
    liveness = often({"exec": {"command": ["test", "!", "-f", "/tmp/dead"]}}, failureThreshold=2)
    startup = often({"exec": {"command": ["test", "-f", "/tmp/started"]}}, failureThreshold=60)
    stubborn = python(
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(9999)",
        livenessProbe={**liveness, "terminationGracePeriodSeconds": 1},
    )
    cluster.apply(
        pod("alive", stubborn, terminationGracePeriodSeconds=3600),
        pod("starting", idle(startupProbe=startup, readinessProbe=often(http_get()))),
        pod("never", idle(startupProbe=often({"tcpSocket": {"port": 1}}, failureThreshold=2))),
    )
    until(lambda: "up" in cluster.log("alive"), what="it runs", within=60)
    cluster.runs("alive", "touch", "/tmp/dead")
    until(lambda: cluster.container("alive")["restartCount"] == 1, what="a restart", within=60)
    # Not after an hour: the probe has a grace of its own.
    ended = terminated(cluster, "alive")
    assert (ended["exitCode"], ended["reason"]) == (137, "Error")
    assert told(cluster, "alive", "Container main failed liveness probe, will be restarted")()
    until(lambda: cluster.container("never")["restartCount"] > 0, what="it is restarted", within=60)
    assert told(cluster, "never", "failed startup probe")()
    # No other probe asks before the startup probe has succeeded.
    until(told(cluster, "starting", "Startup probe failed"), what="it is asked", within=60)
    assert cluster.container("starting")["started"] is False
    assert not told(cluster, "starting", "Readiness probe failed")()
    cluster.runs("starting", "touch", "/tmp/started")
    until(lambda: cluster.container("starting")["started"], what="it has started", within=60)
    until(told(cluster, "starting", "Readiness probe failed"), what="then others ask", within=60)


def test_hooks_run_at_both_ends(cluster: Cluster) -> None:
    def writing(word: str) -> Object:
        return {"exec": {"command": ["sh", "-c", f"echo {word} $(date +%s%N) >> /data/words"]}}

    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "words"}}]
    mounts = [{"name": "data", "mountPath": "/data"}]
    script = """
    import signal, sys, time
    def ended(*_):
        open("/data/words", "a").write(f"signal {time.time_ns()}\\n")
        sys.exit(0)
    signal.signal(signal.SIGTERM, ended)
    time.sleep(9999)
    """
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "words"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Mi"}},
        },
    }
    hooks = {"postStart": writing("begun"), "preStop": writing("stopping")}
    sleeping = {"preStop": {"sleep": {"seconds": 2}}}
    fetching = {"preStop": http_get("/ok")}
    cluster.apply(
        claim,
        pod(
            "hooked",
            python(script, lifecycle=hooks, volumeMounts=mounts),
            volumes=volumes,
            terminationGracePeriodSeconds=30,
        ),
        pod("sleepy", idle(lifecycle=sleeping), terminationGracePeriodSeconds=30),
        pod("fetcher", python(HEALTH, lifecycle=fetching), terminationGracePeriodSeconds=30),
        pod("broken", idle(lifecycle={"postStart": {"exec": {"command": ["false"]}}})),
        pod("reader", idle(volumeMounts=mounts), volumes=volumes),
    )
    cluster.until_ready("hooked", "sleepy", "fetcher", "reader")
    until(told(cluster, "broken", "FailedPostStartHook"), what="it is said", within=60)
    until(lambda: cluster.container("broken")["restartCount"] > 0, what="a restart", within=60)
    cluster.kubectl("delete", "pod", "hooked", "sleepy", "fetcher")
    words = cluster.runs("reader", "cat", "/data/words").splitlines()
    assert [line.split()[0] for line in words] == ["begun", "stopping", "signal"]
    times = [int(line.split()[1]) for line in words]
    assert times == sorted(times)
    assert not told(cluster, "fetcher", "FailedPreStopHook")()


def test_containers_begin_and_end_in_order(cluster: Cluster) -> None:
    # Their clock is the same, so their logs tell the order.
    init = [
        python("import time; print('done', time.time())", name="first"),
        python(SLOW_ENDER.format(seconds=0, code=0), name="mesh", restartPolicy="Always"),
        python(SLOW_ENDER.format(seconds=0, code=0), name="proxy", restartPolicy="Always"),
        python("import time; print('done', time.time())", name="last"),
    ]
    main = python("import time; print('run', time.time()); time.sleep(1)")
    cluster.apply(pod("ordered", main, initContainers=init, restartPolicy="Never"))
    status = cluster.until_ended("ordered")
    assert status["phase"] == "Succeeded"

    def at(name: str, word: str) -> float:
        lines = cluster.log("ordered", name).splitlines()
        found = [line.split()[1] for line in lines if line.startswith(word)]
        assert found, f"{name} did not say {word}: {lines}"
        return float(found[0])

    begun = {
        each["name"]: each["state"]["terminated"]["startedAt"]
        for each in status["initContainerStatuses"]
    }
    assert begun["first"] <= begun["mesh"] <= begun["proxy"] <= begun["last"]
    assert at("first", "done") < at("last", "done") < at("main", "run")
    # Sidecars end after the work, the last one first.
    assert at("main", "run") < at("proxy", "asked") <= at("mesh", "asked")
    assert terminated(cluster, "ordered", "mesh")["exitCode"] == 0


def test_ends_are_told_as_they_were(cluster: Cluster) -> None:
    lacking = {"limits": {"memory": "48Mi"}}
    child = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', sys.argv[1]]))"
    hog = "import time; held = [b'x' * 10_000_000 for _ in range(30)]; time.sleep(100)"
    never: dict[str, Any] = {"restartPolicy": "Never"}
    message = "printf 'last words' > /dev/termination-log; exit 3"
    elsewhere = {"terminationMessagePath": "/var/log/why"}
    falling = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    cluster.apply(
        pod("three", container("sh", "-c", message), **never),
        pod("why", container("sh", "-c", "echo because > /var/log/why", **elsewhere), **never),
        pod("logged", container("sh", "-c", "echo from the log; exit 1", **falling), **never),
        pod("killed", container("sh", "-c", "kill -9 $$$$"), **never),
        pod("segfault", container("sh", "-c", "kill -11 $$$$"), **never),
        pod("hog", python(hog, resources=lacking), **never),
        pod("hogs-child", python(child, hog, resources=lacking), **never),
        pod("late", idle(), activeDeadlineSeconds=2, restartPolicy="Never"),
        pod("once", container("false"), restartPolicy="OnFailure"),
        pod("good", container("true"), restartPolicy="OnFailure"),
        pod("crashing", container("sh", "-c", "echo attempt; exit 1")),
        pod("missing", container("no-such-program")),
    )
    for name in ("three", "why", "logged", "killed", "segfault", "hog", "hogs-child", "late"):
        cluster.until_ended(name)
    assert cluster.until_ended("good")["phase"] == "Succeeded"
    assert terminated(cluster, "good")["reason"] == "Completed"
    three = terminated(cluster, "three")
    assert (three["exitCode"], three["reason"], three["message"]) == (3, "Error", "last words")
    assert terminated(cluster, "why")["message"] == "because\n"
    assert terminated(cluster, "logged")["message"].strip() == "from the log"
    assert terminated(cluster, "killed")["exitCode"] == 137
    assert terminated(cluster, "segfault")["exitCode"] == 139
    assert terminated(cluster, "hog")["reason"] == "OOMKilled"
    # It was not the program that lacked memory, but a child of it.
    assert terminated(cluster, "hogs-child")["reason"] == "OOMKilled"
    late = cluster.status("late")
    assert (late["phase"], late["reason"]) == ("Failed", "DeadlineExceeded")
    until(lambda: cluster.container("once")["restartCount"] > 0, what="it is restarted", within=60)

    def waits(name: str) -> str:
        return str(cluster.container(name)["state"].get("waiting", {}).get("reason", ""))

    until(lambda: waits("crashing") == "CrashLoopBackOff", what="it has to wait", within=90)
    assert "attempt" in cluster.kubectl("logs", "crashing", "--previous")
    assert told(cluster, "crashing", "Back-off restarting failed container main")()
    assert "executable file not found" in json.dumps(cluster.container("missing"))


def test_the_grace_of_a_pod_is_kept_and_not_exceeded(cluster: Cluster) -> None:
    cluster.apply(
        pod("slow", python(SLOW_ENDER.format(seconds=3, code=0)), terminationGracePeriodSeconds=60),
        pod("deaf", python("import signal, time; signal.signal(15, 1); time.sleep(9999)")),
    )
    cluster.until_ready("slow", "deaf")
    until(lambda: "ready" in cluster.log("slow"), what="it runs", within=60)
    # After the signal it goes on for three seconds, and says so.
    with cluster.user.follows(*cluster.command("logs", "-f", "slow")) as lines:
        until(lambda: any("ready" in line for line in lines), what="the log is followed", within=60)
        cluster.kubectl("delete", "pod", "slow", "deaf")
        until(lambda: any("ended" in line for line in lines), what="it ended by itself", within=60)
    assert [line.split()[0] for line in lines] == ["ready", "asked", "ended"]
    until(lambda: not cluster.commands("signal.signal(15, 1)"), what="the deaf has gone")
