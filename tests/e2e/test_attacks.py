"""A hostile pod in an instance, and pods that ask to be restrained: what each of them gets."""

from __future__ import annotations

import base64
import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.network.isolated.router import GATEWAY
from tests.e2e.sandboxes import Cluster, busybox_image, idle, pod, python, sandboxed
from tests.e2e.user import ANOTHER, ROOT, ask, person, until
from tests.embedded.network.test_datapaths import free_port
from tests.images.builders import entry, folder, image, layer, oci_layout

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_LISTEN = """
import socket
found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
found.bind(("0.0.0.0", 5000))
print("listening", flush=True)
while True:
    data, sender = found.recvfrom(100)
    print(data.decode(), sender[0], flush=True)
"""

# Tries to reach what it must not; answers what came of each attempt.
_REACH = """
import errno, json, os, socket, ssl, sys, urllib.request
own, other, gateway, port, machine_port, machine, name = sys.argv[1:8]

def tried(function):
    try:
        return function()
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))

def connect(address, to):
    with socket.create_connection((address, int(to)), timeout=3) as found:
        found.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        return "answered" if found.recv(1) else "no answer"

def send_as(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.setsockopt(socket.SOL_IP, 15, 1)  # an address that is not ours
        found.bind((address, 0))
        found.sendto(b"forged", (other, 5000))
        return "sent"

def say():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.sendto(b"honest", (other, 5000))

def abstract():
    with socket.socket(socket.AF_UNIX) as found:
        found.connect("\\0" + name)
        return "connected"

first = own.rsplit(".", 2)[0]
found = {
    "API on loopback": tried(lambda: connect("127.0.0.1", port)),
    "a port of the machine": tried(lambda: connect(gateway, machine_port)),
    "API at the machine": tried(lambda: connect(first + ".0.1", port)),
    "API by another loopback": tried(lambda: connect("127.77.7.7", port)),
    "metadata": tried(lambda: connect("169.254.169.254", 80)),
    "packets": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "raw": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 17)),
    "name of the machine": tried(abstract),
    "other's name": tried(lambda: send_as(first + ".9.9")),
    "files": tried(lambda: os.listdir(machine)),
    "processes": len([each for each in os.listdir("/proc") if each.isdecimal()]),
}
for _ in range(20):
    tried(say)
print(json.dumps(found))
"""

# Uses the token of the pod for what it was not given for.
_ASK = """
import json, ssl, sys, urllib.error, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
token = open(folder + "token").read()
trust = ssl.create_default_context(cafile=folder + "ca.crt")
found = {}
for path in ("/api/v1/secrets", "/api/v1/namespaces/kube-system/secrets", "/api/v1/nodes"):
    asking = urllib.request.Request("https://kubernetes.default.svc" + path)
    asking.add_header("Authorization", "Bearer " + token)
    try:
        found[path] = urllib.request.urlopen(asking, context=trust, timeout=60).status
    except urllib.error.HTTPError as error:
        found[path] = error.code
print(json.dumps(found))
"""


@pytest.fixture(params=[ROOT, ANOTHER])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    with person(request.param, tmp_path) as user:
        yield sandboxed(user)


def test_a_hostile_pod_reaches_nobody(cluster: Cluster) -> None:
    cluster.start()
    cluster.apply(pod("victim", python(_LISTEN)), pod("attacker", idle()))
    cluster.until_ready("victim", "attacker")
    urls = json.loads(cluster.user.choreo("status", "-o", "json"))["urls"]
    port = urls["kube"].rpartition(":")[2]
    name = f"choreo-test-{port}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0" + name)
        listening.listen()
        own, other = (cluster.status(each)["podIP"] for each in ("attacker", "victim"))
        home = str(cluster.user.home)
        words = [own, other, str(GATEWAY), port, urls["api"].rpartition(":")[2], home, name]
        told = cluster.runs("attacker", "python3", "-c", _REACH, *words)
    found: dict[str, Any] = json.loads(told)
    assert found.pop("processes") <= 5
    # The kernel sends nothing from an address that is not there, unless one may change networks.
    assert found.pop("other's name") == "ENETUNREACH"
    assert found.pop("name of the machine") == "ECONNREFUSED"
    assert found.pop("files") == "ENOENT"
    for what, answer in found.items():
        assert answer in {"ECONNREFUSED", "ECONNRESET", "no answer", "EPERM"}, what
    # What was said in the name of another never came.
    until(lambda: "honest" in cluster.kubectl("logs", "victim"), what="the honest one is heard")
    assert "forged" not in cluster.kubectl("logs", "victim")
    assert set(json.loads(cluster.runs("attacker", "python3", "-c", _ASK)).values()) == {403}


def test_what_pods_ask_of_their_security_is_done(cluster: Cluster) -> None:
    cluster.start()
    listed = json.loads(cluster.user.choreo("status", "-o", "json"))["capabilities"]
    has_users = {each["name"]: each["available"] for each in listed}["own-users"]
    busybox = cluster.import_busybox()
    port = free_port()
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key"},
        "data": {"key": base64.b64encode(b"value\n").decode()},
    }
    volumes = [
        {"name": "data", "emptyDir": {}},
        {"name": "key", "secret": {"secretName": "key", "defaultMode": 0o400}},
    ]
    mounts = [
        {"name": "data", "mountPath": "/data"},
        {"name": "data", "mountPath": "/part", "subPath": "a/b"},
        {"name": "key", "mountPath": "/key"},
    ]
    strict = {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 3000,
        "fsGroup": 2000,
        "seccompProfile": {"type": "RuntimeDefault"},
        "sysctls": [{"name": "net.ipv4.tcp_fin_timeout", "value": "31"}],
    }
    serve = {"ports": [{"containerPort": 80, "hostPort": port}]}
    answer = "printf 'HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi'"
    listen = ["sh", "-c", f"while :; do {answer} | nc -l -p 80; done"]
    refused, unknown = {"runAsNonRoot": True}, {"type": "Localhost", "localhostProfile": "x"}
    cluster.apply(
        secret,
        pod("root", {"name": "main", "image": busybox, "command": ["sleep", "100000"]}),
        pod(
            "strict",
            {
                "name": "main",
                "image": busybox,
                "command": ["sleep", "9999"],
                "volumeMounts": mounts,
            },
            {"name": "web", "image": busybox, "command": listen, **serve},
            securityContext=strict,
            volumes=volumes,
        ),
        pod("refused", {"name": "main", "image": busybox}, securityContext=refused),
        pod("unsafe", idle(), securityContext={"sysctls": [{"name": "kernel.sem", "value": "1"}]}),
        pod(
            "profile",
            idle(securityContext={"seccompProfile": unknown}),
        ),
    )
    cluster.until_ready("root", "strict")
    assert cluster.runs("strict", "id", "-u") == "1000"
    until(lambda: ask(f"http://127.0.0.1:{port}").body == "hi", what="the port leads to the pod")
    script = "busybox cat /proc/sys/net/ipv4/tcp_fin_timeout; busybox touch /part/x;"
    script += "busybox cat /key/key; busybox grep Seccomp: /proc/self/status"
    assert cluster.runs("strict", "sh", "-c", script).split() == ["31", "value", "Seccomp:", "2"]
    if has_users:
        assert cluster.runs("strict", "id", "-G") == "3000 2000"
        script = "busybox mkdir /d; busybox chown 33 /d; busybox stat -c %u /d"
        assert cluster.runs("root", "sh", "-c", script) == "33"
    told = "container has runAsNonRoot and image will run as root"
    until(lambda: told in _waiting(cluster, "refused"), what="root is refused", within=60)
    unknown_profile = 'cannot load seccomp profile "x"'
    until(lambda: unknown_profile in _waiting(cluster, "profile"), what="it is refused", within=60)

    def is_forbidden() -> bool:
        return any('forbidden sysctl: "kernel.sem"' in each for each in cluster.events("unsafe"))

    until(is_forbidden, what="the setting is refused", within=60)


def test_files_of_images_belong_to_whom_they_say(tmp_path: Path) -> None:
    with person(ROOT, tmp_path) as user:
        cluster = sandboxed(user)
        cluster.start()
        listed = json.loads(user.choreo("status", "-o", "json"))["capabilities"]
        found = {each["name"]: each for each in listed}["own-users"]
        if not found["available"]:
            pytest.skip(f"no further users on this machine: {found['reason']}")
        base = busybox_image()
        owned = layer(
            folder("srv", uid=33, gid=33, mode=0o700),
            entry("srv/own", b"kept", uid=33, gid=33, mode=0o600),
            folder("root", mode=0o700),
            entry("etc/passwd", b"root:x:0:0::/:/bin/sh\nwww:x:33:33::/:/bin/sh\n"),
        )
        made = image(
            gzip.decompress(base.layers[0]), owned, config={"Env": ["PATH=/bin"], "User": "33:33"}
        )
        name = "registry.invalid/owned:1"
        layout = oci_layout(user.home / "owned", made)
        user.choreo("image", "import", str(layout), "--name", name)
        main = {"name": "main", "image": name, "command": ["sleep", "99999"]}
        cluster.apply(
            pod("own", main),
            pod("root", {**main, "securityContext": {"runAsUser": 0}}),
        )
        cluster.until_ready("own", "root")
        script = "busybox id -u; cat /srv/own; echo; echo x > /srv/new && echo written;"
        script += "ls /root 2>/dev/null || echo closed; echo x 2>/dev/null > /y || echo refused"
        told = cluster.runs("own", "sh", "-c", script).splitlines()
        assert told == ["33", "kept", "written", "closed", "refused"]
        seen = cluster.runs("root", "sh", "-c", "busybox stat -c '%u %g' /srv/own /bin /")
        assert seen.splitlines() == ["33 33", "0 0", "0 0"]
        # The way to the token is open to whoever root becomes.
        token = "/var/run/secrets/kubernetes.io/serviceaccount/token"
        script = f"busybox su www -c 'busybox test -r {token} && busybox id -u'"
        assert cluster.runs("root", "sh", "-c", script) == "33"


def _waiting(cluster: Cluster, name: str) -> str:
    found = cluster.status(name).get("containerStatuses") or [{}]
    return str((found[0].get("state") or {}).get("waiting", {}).get("message", ""))
