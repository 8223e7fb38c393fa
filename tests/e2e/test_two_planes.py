"""Production lives on a second cluster, which joins by its agent; then the line breaks."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.user import User, ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PATIENCE = 90

ENVIRONMENT = """
apiVersion: openchoreo.dev/v1alpha1
kind: Environment
metadata: {name: faraway, namespace: default}
spec:
  isProduction: true
  dataPlaneRef: {kind: DataPlane, name: prod}
"""
PATHS = [
    {
        "sourceEnvironmentRef": {"kind": "Environment", "name": "development"},
        "targetEnvironmentRefs": [{"kind": "Environment", "name": "faraway"}],
    }
]


ACCOUNT = "system:serviceaccount:openchoreo-data-plane:choreo"


class Line:
    """A relay between an agent and its gateway that can be cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._whole = True
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break what is connected, and let nothing through."""
        with self._lock:
            self._whole = False
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def mend(self) -> None:
        """Let everything through again."""
        self._whole = True

    def close(self) -> None:
        self.cut()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                self._join(here)

    def _join(self, here: socket.socket) -> None:
        if not self._whole:
            here.close()
            return
        try:
            there = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            here.close()
            return
        with self._lock:
            self._open |= {here, there}
        for one, other in ((here, there), (there, here)):
            threading.Thread(target=_copy, args=(one, other), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@pytest.fixture
def second(user: User) -> Iterator[User]:
    """The same person with another instance, on which production is to live."""
    found = User(user.home, instance="second")
    yield found
    found.types("choreo", "down", "--purge", "--yes")


@contextlib.contextmanager
def agent(user: User, folder: Path, *, port: int, kubeconfig: str) -> Iterator[None]:
    """The agent of the second cluster, dialling a port of this machine."""
    program = user.program("choreo")
    log = (user.home / "agent.log").open("wb")
    arguments = {
        "--plane-id": "prod",
        "--gateway": f"wss://localhost:{port}/ws",
        "--cert": str(folder / "agent.crt"),
        "--key": str(folder / "agent.key"),
        "--ca": str(folder / "gateway-ca.crt"),
        "--kubeconfig": kubeconfig,
    }
    flat = [word for pair in arguments.items() for word in pair]
    process = subprocess.Popen(
        [str(program), "agent", *flat],
        env=user.environment,
        stdout=log,
        stderr=log,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def plane(user: User) -> dict[str, Any]:
    """What the status says of the second plane."""
    status = json.loads(user.choreo("status", "-o", "json"))
    found: dict[str, Any] = next(one for one in status["planes"] if one["plane"] == "data/prod")
    return found


def conditions(user: User) -> dict[str, str]:
    text = user.kubectl("get", "releasebinding", "greeter-faraway", "-o", "json")
    found = json.loads(text).get("status") or {}
    return {entry["type"]: entry["status"] for entry in found.get("conditions") or ()}


def greeting(user: User) -> str:
    url = user.choreo("url", "greeter", "--env", "faraway")
    answer = ask(f"{url}/greet")
    assert answer.status == 200, answer.body
    return answer.body


def join(user: User, second: User) -> tuple[Path, str]:
    """Let the second instance's cluster join; folder of the agent, kubeconfig of its cluster."""
    folder = user.home / "joining"
    gateway = second.record()["ports"]["gateway"]
    user.choreo("agent", "join", "--plane-id", "prod", "--port", str(gateway), str(folder))
    user.choreo("apply", "-f", str(folder / "plane.yaml"))
    second.kubectl("apply", "-f", str(folder / "rights.yaml"))
    kubeconfig = second.choreo("kubeconfig")
    may = ("kubectl", "--kubeconfig", kubeconfig, "auth", "can-i", "--as", ACCOUNT)
    assert second.types(*may, "create", "deployments.apps", "-n", "default").out == "yes\n"
    for verb, what in (("list", "components.openchoreo.dev"), ("create", "tokenreviews")):
        assert second.types(*may, verb, what).out == "no\n"
    return folder, kubeconfig


def prepare(user: User) -> None:
    """An environment on the second plane, and a way to it."""
    user.kubectl("apply", "-f", "-", text=ENVIRONMENT)
    paths = json.dumps({"spec": {"promotionPaths": PATHS}})
    user.kubectl("patch", "deploymentpipeline", "default", "--type", "merge", "-p", paths)
    text = user.kubectl("get", "projectreleasebinding", "default-production", "-o", "json")
    binding = json.loads(text)
    binding["spec"]["environment"] = "faraway"
    binding["metadata"] = {"name": "default-faraway", "namespace": "default"}
    del binding["status"]
    user.kubectl("apply", "-f", "-", text=json.dumps(binding))


def test_production_lives_on_a_second_cluster(user: User, second: User) -> None:
    user.choreo("up", "--demo", "--no-tui")
    second.choreo("up", "--no-tui")
    folder, kubeconfig = join(user, second)
    assert plane(user)["connected"] is False
    line = Line(user.record()["ports"]["cluster-gateway"])
    with contextlib.closing(line), agent(user, folder, port=line.port, kubeconfig=kubeconfig):
        until(lambda: plane(user)["connected"], what="the agent is connected", within=PATIENCE)
        assert plane(user)["agents"] == 1
        prepare(user)
        use(user, second)
        lose_and_mend(user, line)
        user.kubectl("delete", "releasebinding", "greeter-faraway", "--wait=false")
        gone = ("get", "deployments", "-A", "-l", "openchoreo.dev/component=greeter", "-o", "name")
        until(lambda: second.kubectl(*gone) == "", what="production is deleted", within=PATIENCE)


def use(user: User, second: User) -> None:
    """Promote, look at logs, run a command: as with a plane that is here."""
    user.choreo("promote", "greeter", "--to", "faraway", "--yes")
    until(lambda: "Hello" in greeting(user), what="production answers", within=PATIENCE)
    assert "greeter" in second.kubectl("get", "pods", "-A", "-o", "name")
    assert "faraway" not in user.kubectl("get", "pods", "-A")
    assert "GET /greet" in user.choreo("logs", "greeter", "--env", "faraway")
    ran = user.types(
        "choreo", "exec", "greeter", "--env", "faraway", "--", "sh", "-c", "echo out; exit 3"
    )
    assert (ran.out.strip(), ran.code) == ("out", 3), ran.err


def lose_and_mend(user: User, line: Line) -> None:
    """Without a line the status says what is unknown; what was asked for is done later."""
    line.cut()
    until(
        lambda: conditions(user)["Ready"] == "Unknown",
        what="the state of production is unknown",
        within=PATIENCE,
    )
    assert plane(user)["connected"] is False
    assert plane(user)["message"] == "no agent is connected"
    assert user.types("choreo", "logs", "greeter", "--env", "faraway").code != 0
    override = {"spec": {"workloadOverrides": {"container": {"env": [SALUTE]}}}}
    user.kubectl(
        "patch", "releasebinding", "greeter-faraway", "--type", "merge", "-p", json.dumps(override)
    )
    assert "Hello" in greeting(user), "what runs goes on without its control plane"

    line.mend()
    until(lambda: "Salute" in greeting(user), what="the change has arrived", within=PATIENCE)
    until(
        lambda: conditions(user)["Ready"] == "True",
        what="the state of production is known again",
        within=PATIENCE,
    )
    assert plane(user)["connected"] is True


SALUTE = {"key": "GREETING", "value": "Salute"}
